internal import Settings

extension Pipeline {
    /// What the settings say about the stream of a source.
    struct Configuration {
        /// Name of the source in records; `nil` for a single source without a name.
        var name: String?
        /// The channel of a source with `channel: each`; otherwise `nil`.
        var channel: Int?
        /// The hop, or the shortest hop where it is adapted.
        var hopFrames: Int
        var adaptsHop = false
        /// `nil`: every window is classified, however quiet.
        var gate: EnergyGate?
        var source: SourceTraits
        /// Seconds of digital silence after which the microphone counts as muted; 0 for never.
        var mutedAfterSeconds = 0.0
        var level = LevelSettings()
        /// Whether `spectrum` records are published.
        var hasSpectrum = false
    }
}

/// A sound began or ended. Positions are samples of the stream, peaks the model's own scores.
public enum SoundEvent: Equatable, Sendable {
    /// At the first of the windows that were hits.
    case begin(id: UInt64, label: String, sample: Int64, peak: Float)
    /// At the last window that kept it going.
    case end(id: UInt64, label: String, begin: Int64, sample: Int64, peak: Float)
}

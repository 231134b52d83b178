/// Notices digital silence that lasts: a muted microphone gives zeros, a live one never does.
struct SilenceWatch: Equatable {
    private(set) var zeroSamples = 0
    private(set) var isMuted = false

    /// - Parameters:
    ///   - samples: The stream's next.
    ///   - limit: Zeros in a row that are suspicious; 0: none are.
    /// - Returns: Whether ``isMuted`` changed.
    mutating func hear(_ samples: UnsafeBufferPointer<Float>, limit: Int) -> Bool {
        zeroSamples = samples.allSatisfy { $0 == 0 } ? zeroSamples + samples.count : 0
        let was = isMuted
        isMuted = limit > 0 && zeroSamples >= limit
        return was != isMuted
    }
}

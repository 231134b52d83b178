/// Detects a muted microphone by lasting digital silence: a live microphone never delivers exact zeros for
/// long.
struct MuteDetector: Equatable {
    private(set) var zeroSamples = 0
    private(set) var isMuted = false

    /// - Parameters:
    ///   - samples: The stream's next block.
    ///   - limit: Consecutive zeros from which on the microphone counts as muted; 0 disables the detector.
    /// - Returns: Whether ``isMuted`` changed.
    mutating func process(_ samples: UnsafeBufferPointer<Float>, limit: Int) -> Bool {
        zeroSamples = samples.allSatisfy { $0 == 0 } ? zeroSamples + samples.count : 0
        let wasMuted = isMuted
        isMuted = limit > 0 && zeroSamples >= limit
        return wasMuted != isMuted
    }
}

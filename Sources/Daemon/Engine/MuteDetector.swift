/// Detects a muted microphone by lasting digital silence: a live microphone never delivers exact zeros for
/// long.
struct MuteDetector: Equatable {
    private(set) var zeroSamples = 0
    /// Consecutive zeros from which on the microphone counts as muted; 0 disables the detector. A change
    /// takes effect at once, also for the silence so far.
    var limitSamples: Int

    init(limitSamples: Int = 0) { self.limitSamples = limitSamples }

    var isMuted: Bool { limitSamples > 0 && zeroSamples >= limitSamples }

    /// - Parameter samples: The stream's next block.
    mutating func process(_ samples: UnsafeBufferPointer<Float>) {
        zeroSamples = samples.allSatisfy { $0 == 0 } ? zeroSamples + samples.count : 0
    }
}

/// What the listening thread did so far.
struct ListeningCounters: Sendable, Equatable {
    var windows: UInt64 = 0
    var skippedWindows: UInt64 = 0
    /// Samples that the ring had no room for.
    var overrunSamples: UInt64 = 0
    /// Samples that the source never delivered.
    var lostSamples: UInt64 = 0
    var lastWindowMilliseconds: Double?
    private var totalWindowMilliseconds = 0.0

    init() {}

    var meanWindowMilliseconds: Double? { windows == 0 ? nil : totalWindowMilliseconds / Double(windows) }

    mutating func classified(milliseconds: Double) {
        windows += 1
        lastWindowMilliseconds = milliseconds
        totalWindowMilliseconds += milliseconds
    }
}

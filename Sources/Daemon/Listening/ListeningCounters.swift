/// What the listening thread did so far.
struct ListeningCounters: Sendable, Equatable {
    var windows: UInt64 = 0
    var skippedWindows: UInt64 = 0
    /// Windows of silence that no forward pass was spent on.
    var gatedWindows: UInt64 = 0
    /// Samples that the ring had no room for.
    var overrunSamples: UInt64 = 0
    /// Samples that the source never delivered.
    var lostSamples: UInt64 = 0
    /// Samples nobody was to listen to.
    var pausedSamples: UInt64 = 0
    var events: UInt64 = 0
    /// From the capture of a window's last sample to its record.
    var latency = LatencyHistogram()
    var lastWindowMilliseconds: Double?
    private var totalWindowMilliseconds = 0.0

    init() {}

    var meanWindowMilliseconds: Double? {
        windows == gatedWindows ? nil : totalWindowMilliseconds / Double(windows - gatedWindows)
    }

    /// - Parameter milliseconds: Of the forward passes; `nil` when there was none.
    mutating func answered(milliseconds: Double?) {
        windows += 1
        guard let milliseconds else {
            gatedWindows += 1
            return
        }
        lastWindowMilliseconds = milliseconds
        totalWindowMilliseconds += milliseconds
    }
}

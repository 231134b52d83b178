internal import Capture
internal import Wire

/// What the pipeline has done since the start.
struct PipelineCounters: Sendable, Equatable {
    var windows: UInt64 = 0
    /// `nil` while it is that of the settings.
    var hopFrames: Int?
    /// Windows skipped because inference fell behind.
    var skippedWindows: UInt64 = 0
    /// Windows too quiet to be classified; part of `windows`.
    var gatedWindows: UInt64 = 0
    /// Windows that were classified, and not gated.
    var passes: UInt64 { windows - gatedWindows }
    /// Samples lost because the ring was full.
    var overrunSamples: UInt64 = 0
    /// Samples that the source did not deliver.
    var lostSamples: UInt64 = 0
    /// Samples skipped while paused.
    var pausedSamples: UInt64 = 0
    var events: UInt64 = 0
    /// Level of the samples that are new in the last window, in dB relative to full scale; negative infinity
    /// for digital silence, `nil` before the first window.
    var levelDBFS: Double?
    /// Times from the capture of a window's last sample to its record.
    var latency = LatencyHistogram()
    var lastWindowMilliseconds: Double?
    private var totalWindowMilliseconds = 0.0

    init() {}

    /// The mean over the classified windows of several sources; `nil` without any.
    static func meanWindowMilliseconds(of counters: [PipelineCounters]) -> Double? {
        let classified = counters.reduce(0) { $0 + $1.windows - $1.gatedWindows }
        return classified == 0
            ? nil : counters.reduce(0) { $0 + $1.totalWindowMilliseconds } / Double(classified)
    }

    mutating func count(_ gap: Range<Int64>, _ reason: GapReason) {
        switch reason {
        case .overrun: overrunSamples += UInt64(gap.count)
        case .sourceLost: lostSamples += UInt64(gap.count)
        case .paused: pausedSamples += UInt64(gap.count)
        }
    }

    /// - Parameter milliseconds: Duration of the forward passes; `nil` for a gated window, which has none.
    mutating func countWindow(milliseconds: Double?) {
        windows += 1
        guard let milliseconds else {
            gatedWindows += 1
            return
        }
        lastWindowMilliseconds = milliseconds
        totalWindowMilliseconds += milliseconds
    }
}

extension Gap.Reason {
    init(_ reason: GapReason) {
        switch reason {
        case .overrun: self = .overrun
        case .sourceLost: self = .sourceLost
        case .paused: self = .paused
        }
    }
}

internal import Recognizer

/// How the scores of a file's windows are combined into one record.
public enum Aggregation: String, CaseIterable, Sendable {
    /// One record for each window.
    case none
    /// The mean score of each label, weighted by the seconds of sound that each window adds.
    case mean
    /// The largest score of each label.
    case max
}

/// The combined scores of a file's windows, added in the order of the windows.
struct AggregatedScores {
    private let aggregation: Aggregation
    private var totals: [Double] = []
    /// Frames that the windows cover; those in two windows count once.
    private var frames = 0
    private var coveredFrames = 0
    /// From the start of the first window to the end of the last.
    private(set) var window: WindowStream.Window?

    init(_ aggregation: Aggregation) { self.aggregation = aggregation }

    mutating func add(_ scores: [Float], of window: WindowStream.Window) {
        if totals.isEmpty { totals = scores.map { _ in aggregation == .max ? -.infinity : 0 } }
        let weight = window.frames.upperBound - Swift.max(window.frames.lowerBound, coveredFrames)
        frames += weight
        coveredFrames = window.frames.upperBound
        for (index, score) in scores.enumerated() {
            let score = Double(score)
            totals[index] =
                aggregation == .max
                ? Swift.max(totals[index], score) : totals[index] + Double(weight) * score
        }
        var whole = self.window ?? window
        whole.endSeconds = Swift.max(whole.endSeconds, window.endSeconds)
        self.window = whole
    }

    /// By class.
    var scores: [Float] {
        totals.map { Float(aggregation == .mean ? $0 / Double(frames) : $0) }
    }
}

internal import Wire

/// The scores of a label in one minute, or, without a label, the level in dB.
struct MinuteSums: Equatable, Sendable {
    struct Key: Hashable, Sendable {
        /// Begin of the minute, milliseconds since 1970.
        var begin: Int64
        var source: String?
        var channel: Int?
        var adapter: String?
        var label: String?
    }

    var key: Key
    /// Windows that have the label among those that count.
    var windows: Int64 = 0
    var sum = 0.0
    var peak = -Double.infinity

    fileprivate mutating func add(_ value: Double) {
        windows += 1
        sum += value
        peak = max(peak, value)
    }
}

/// What predictions add to the minutes of a history.
struct MinuteChanges: Equatable, Sendable {
    /// A minute of a source that has no further windows.
    struct Completed: Equatable, Sendable {
        var begin: Int64
        var source: String?
        var channel: Int?
    }

    var sums: [MinuteSums] = []
    /// Only the labels with the highest scores of these are kept.
    var completed: [Completed] = []
    /// Labels of a minute and variant that are kept.
    var labels = 0

    var isEmpty: Bool { sums.isEmpty && completed.isEmpty }
}

/// Collects the scores of predictions by minute, until they are stored together with the cursor behind them.
///
/// Each window adds the labels with its highest scores. When the minute is over, those with the highest
/// scores of the minute stay.
///
/// A value without I/O.
struct MinuteTracker {
    /// Level of digital silence, in dB relative to full scale.
    static let silenceDB = -120.0

    private struct Stream: Hashable {
        var source: String?
        var channel: Int?
    }

    private let labels: Int
    /// Predictions up to this one are stored.
    private var seq: UInt64
    /// The minute in which the stored records end.
    private let lastStored: Int64?
    private var sums: [MinuteSums.Key: MinuteSums] = [:]
    private var completed: [MinuteChanges.Completed] = []
    private var minutes: [Stream: Int64] = [:]

    /// - Parameters:
    ///   - labels: Labels of a minute that are kept; 0: no minutes.
    ///   - seq: The last prediction that is stored.
    ///   - last: When the stored records end; nil: there are none.
    init(labels: Int, after seq: UInt64, last: Timestamp?) {
        (self.labels, self.seq) = (labels, seq)
        lastStored = last.map { Self.minute(of: $0) }
    }

    private static func minute(of time: Timestamp) -> Int64 {
        let milliseconds = time.milliseconds
        return milliseconds - ((milliseconds % 60_000) + 60_000) % 60_000
    }

    /// Adds a window, once.
    mutating func add(_ prediction: Prediction) {
        guard labels > 0, prediction.seq > seq else { return }
        seq = prediction.seq
        let stream = Stream(source: prediction.source, channel: prediction.channel)
        let begin = Self.minute(of: prediction.time)
        let before = minutes.updateValue(begin, forKey: stream) ?? lastStored
        if let before, before != begin {
            completed.append(
                MinuteChanges.Completed(begin: before, source: stream.source, channel: stream.channel))
        }
        var key = MinuteSums.Key(
            begin: begin, source: prediction.source, channel: prediction.channel, adapter: prediction.adapter)
        sums[key, default: MinuteSums(key: key)].add(prediction.levelDBFS ?? Self.silenceDB)
        for entry in prediction.labels.prefix(labels) where entry.score.isFinite {
            key.label = entry.label
            sums[key, default: MinuteSums(key: key)].add(Double(entry.score))
        }
    }

    /// What was added since the last call.
    mutating func take() -> MinuteChanges {
        defer { (sums, completed) = ([:], []) }
        return MinuteChanges(sums: Array(sums.values), completed: completed, labels: labels)
    }
}

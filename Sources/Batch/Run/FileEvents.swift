internal import Detection
private import Frontend
internal import Recognizer
internal import Wire

/// What the windows of one file, in their order, make of its sounds: the daemon's detectors, one for each variant.
struct FileEvents {
    private struct Ended {
        var begin: Int64
        var end: Int64
        var variant: Int
        var index: Int
        var peak: Float
    }

    private let path: String
    private let variants: [Variant]
    private var detectors: [EventDetector]
    private var lastID: UInt64 = 0
    /// Events that are over, but an earlier one is not.
    private var ended: [Ended] = []

    /// - Parameter hopFrames: `nil`: each variant's window length.
    init(path: String, _ variants: [Variant], _ rules: DetectionRules, hopFrames: Int?) {
        self.path = path
        self.variants = variants
        detectors = variants.map { variant in
            let hop = (hopFrames ?? variant.frontend.windowFrames) * FrontendConfig.frameShiftSamples
            return EventDetector(
                labels: variant.labels, rules: rules, sampleRateHz: FrontendConfig.sampleRateHz,
                hopSamples: Int64(hop))
        }
    }

    /// Takes the next window.
    ///
    /// - Returns: Events that are over, in the order of their begins: none that follows begins before them.
    mutating func hear(_ scores: [Float], of window: WindowStream.Window) -> [BatchEvent] {
        var id = lastID
        let events = scores.withUnsafeBufferPointer {
            detectors[window.variant].update($0, window: FrontendConfig.samples(ofFrames: window.frames)) {
                id += 1
                return id
            }
        }
        lastID = id
        keep(events, of: window.variant)
        let begins = detectors.compactMap(\.earliestPendingBegin)
        guard begins.count == detectors.count, let earliest = begins.min() else { return [] }
        return take { $0.begin < earliest }
    }

    /// The file is over, and all that goes on in it.
    mutating func finish() -> [BatchEvent] {
        for variant in detectors.indices { keep(detectors[variant].finish(), of: variant) }
        return take { _ in true }
    }

    private mutating func keep(_ events: [SoundEvent], of variant: Int) {
        for case .end(_, let label, let begin, let sample, let peak) in events {
            let index = variants[variant].labels.firstIndex(of: label) ?? 0
            ended.append(Ended(begin: begin, end: sample, variant: variant, index: index, peak: peak))
        }
    }

    private mutating func take(_ isTold: (Ended) -> Bool) -> [BatchEvent] {
        let told = ended.filter(isTold).sorted {
            ($0.begin, $0.end, $0.variant, $0.index) < ($1.begin, $1.end, $1.variant, $1.index)
        }
        ended.removeAll(where: isTold)
        return told.map { event in
            let variant = variants[event.variant]
            return BatchEvent(
                file: path, start: Self.seconds(event.begin), end: Self.seconds(event.end),
                adapter: variants.count > 1 ? variant.adapter : nil, index: event.index,
                label: variant.labels[event.index], peakScore: event.peak)
        }
    }

    private static func seconds(_ sample: Int64) -> Double {
        Double(sample) / Double(FrontendConfig.sampleRateHz)
    }
}

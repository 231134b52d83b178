internal import Detection
private import Frontend
internal import Recognizer
internal import Wire

/// The events of one file: its windows go through the daemon's detectors, one for each variant.
struct FileEvents {
    private struct EndedEvent {
        var begin: Int64
        var end: Int64
        var variant: Int
        var index: Int
        var evidence: SoundEvidence
        var peak: Float
    }

    private let path: String
    private let channel: Int?
    private let variants: [Variant]
    private var detectors: [EventDetector]
    private var lastID: UInt64 = 0
    /// Events that wait for the end of an event that began before them.
    private var ended: [EndedEvent] = []

    /// - Parameter hopFrames: `nil`: each variant's window length.
    init(
        path: String, channel: Int? = nil, _ variants: [Variant], _ rules: DetectionRules, hopFrames: Int?
    ) {
        self.path = path
        self.channel = channel
        self.variants = variants
        detectors = variants.map { variant in
            let hop = (hopFrames ?? variant.frontend.windowFrames) * FrontendConfig.frameShiftSamples
            return EventDetector(
                labels: variant.labels, rules: rules, sampleRateHz: FrontendConfig.sampleRateHz,
                hopSamples: Int64(hop))
        }
    }

    /// Processes the scores of the next window.
    ///
    /// - Returns: Events that have ended, in the order of their begins. No later event begins before them.
    mutating func update(_ scores: [Float], of window: WindowStream.Window) -> [BatchEvent] {
        var id = lastID
        let events = scores.withUnsafeBufferPointer {
            detectors[window.variant].update($0, window: FrontendConfig.samples(ofFrames: window.frames)) {
                id += 1
                return id
            }
        }
        lastID = id
        record(events, of: window.variant)
        let begins = detectors.compactMap(\.earliestPendingBegin)
        guard begins.count == detectors.count, let earliest = begins.min() else { return [] }
        return removeEnded { $0.begin < earliest }
    }

    /// Ends all events at the end of the file.
    mutating func finish() -> [BatchEvent] {
        for variant in detectors.indices { record(detectors[variant].finish(), of: variant) }
        return removeEnded { _ in true }
    }

    private mutating func record(_ events: [SoundEvent], of variant: Int) {
        for case .end(_, let label, let begin, let sample, let evidence, let peak) in events {
            let index = variants[variant].labels.firstIndex(of: label) ?? 0
            ended.append(
                EndedEvent(
                    begin: begin, end: sample, variant: variant, index: index, evidence: evidence,
                    peak: peak))
        }
    }

    private mutating func removeEnded(where isOrdered: (EndedEvent) -> Bool) -> [BatchEvent] {
        let ordered = ended.filter(isOrdered).sorted {
            ($0.begin, $0.end, $0.variant, $0.index) < ($1.begin, $1.end, $1.variant, $1.index)
        }
        ended.removeAll(where: isOrdered)
        return ordered.map { event in
            let variant = variants[event.variant]
            return BatchEvent(
                file: path, start: Self.seconds(event.begin), end: Self.seconds(event.end),
                onset: Self.seconds(event.evidence.onset.sample),
                onsetUncertainty: Self.seconds(event.evidence.onset.uncertaintySamples),
                hits: event.evidence.hits, windows: event.evidence.windows, channel: channel,
                adapter: variants.count > 1 ? variant.adapter : nil, index: event.index,
                label: variant.labels[event.index], peakScore: event.peak)
        }
    }

    private static func seconds(_ sample: Int64) -> Double {
        Double(sample) / Double(FrontendConfig.sampleRateHz)
    }
}

import Capture
import Detection
import Dispatch
import Frontend
import Inference
import Recognizer
import Settings
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Daemon

/// The conditions that a pipeline has reported.
private final class ReportedConditions: Sendable {
    private let conditions = Mutex<[StreamCondition]>([])

    var all: [StreamCondition] { conditions.withLock { $0 } }

    func add(_ condition: StreamCondition) { conditions.withLock { $0.append(condition) } }
}

/// A running pipeline with a small model: windows of 0.96 s, a hop of 0.2 s.
final class PipelineStream {
    let ring: SampleRing
    let commands: CommandMailbox
    let pipeline: Pipeline
    private let engine: EngineLoop
    private let hub = EventHub(
        limits: EventHub.Limits(queueBytes: 1 << 26, queueRecords: 1 << 20, predictions: 0, defaultTopK: 1))
    /// What the pipeline has reported about the stream.
    var conditions: [StreamCondition] { reported.all }
    let log = LogRecorder()
    private let reported: ReportedConditions
    private let client: Int
    private let queue = DispatchQueue(label: "engine")
    private let done = DispatchSemaphore(value: 0)
    private var records = PipelineRecords()

    /// - Parameters:
    ///   - isHeld: The engine starts with ``release()``.
    ///   - detectsAlways: Each window is a hit for one label.
    init(
        sourceWaits: Bool, isHeld: Bool = false, detectsAlways: Bool = false, mergeGapSeconds: Double = 600,
        repeatAfterSeconds: Double = 0
    ) throws {
        let base = VariantMaker(
            base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil
        ).baseVariant
        let signal = WakeSignal()
        ring = SampleRing(capacitySamples: 16_000 * 60, dataSignal: signal)
        commands = CommandMailbox(ring: ring)
        let reported = ReportedConditions()
        self.reported = reported
        (engine, pipeline) = try TestPipeline.make(
            base, ring, commands, hub, signal, waitsForReader: sourceWaits, detectsAlways: detectsAlways,
            mergeGapSeconds: mergeGapSeconds, repeatAfterSeconds: repeatAfterSeconds, logger: log.logger
        ) { reported.add($0) }
        client = hub.attach(.everything) {}.id
        if isHeld { queue.suspend() }
        let (engine, done) = (engine, done)
        queue.async {
            #expect(throws: Never.self) { try engine.run() }
            done.signal()
        }
    }

    func release() { queue.resume() }

    func push(_ count: Int) {
        let samples = (0..<count).map { Float($0 % 7) / 70 }
        samples.withUnsafeBufferPointer { ring.push($0, lastSampleNanos: SystemClock.bootNanos) }
    }

    /// Waits until these are the first events; others may have followed.
    func wait(forEvents states: [EventRecord.State]) async throws {
        try await eventually("events: \(states)") {
            read()
            return records.events.map(\.state)
        } until: {
            $0.starts(with: states)
        }
    }

    /// Waits until a window that starts at or after a sample is classified.
    func wait(forWindowFrom start: Int64) async throws {
        try await eventually("a window from sample \(start)") {
            read()
            return records.windows.last?.lowerBound
        } until: {
            ($0 ?? -1) >= start
        }
    }

    func wait(forWindowTo end: Int64) async throws {
        try await eventually("a window up to sample \(end)") {
            read()
            return records.windows.last?.upperBound
        } until: {
            $0 == end
        }
    }

    /// Ends the stream.
    ///
    /// - Returns: All records.
    func end() async throws -> PipelineRecords {
        ring.finish()
        try await eventually("the end of the pipeline", that: { done.wait(timeout: .now()) == .success })
        read()
        return records
    }

    private func read() { for record in hub.records(of: client) { records.add(record) } }
}

extension EventHub {
    /// What waits for a client.
    func records(of client: Int) -> [LiveRecord] {
        var records: [LiveRecord] = []
        while case let piece = dequeue(client, maximumBytes: 1 << 16), !piece.isEmpty {
            for line in piece.split(separator: 0x0A) {
                if let record = try? LiveRecord(line: Array(line)) { records.append(record) }
            }
        }
        return records
    }
}

/// The records that a client received, checked as they arrive.
struct PipelineRecords {
    var windows: [Range<Int64>] = []
    var gaps: [Gap] = []
    var events: [EventRecord] = []
    var ongoing: [OngoingRecord] = []
    /// The end of the window before each begin of an event.
    var begins: [Int64] = []
    /// A gap with samples that an earlier window contains.
    private var contradiction: String?
    private var settled: Int64 = 0

    mutating func add(_ record: LiveRecord) {
        switch record {
        case .prediction(let prediction):
            windows.append(prediction.startSample..<prediction.endSample)
            settled = max(settled, prediction.endSample)
        case .gap(let gap):
            // A padded window ends less than a frame's shift behind the last sample before an interruption.
            if gap.startSample <= settled - 160 { contradiction = contradiction ?? "\(gap) after \(settled)" }
            gaps.append(gap)
        case .event(let event):
            events.append(event)
            if event.state == .begin { begins.append(windows.last?.upperBound ?? 0) }
        case .ongoing(let event): ongoing.append(event)
        default: break
        }
    }

    func missing(_ reason: Gap.Reason) -> UInt64 {
        gaps.filter { $0.reason == reason }.reduce(0) { $0 + UInt64($1.endSample - $1.startSample) }
    }

    /// The first sample that is unaccounted for; nil when all are accounted for.
    var complaint: String? {
        if let contradiction { return contradiction }
        var reported: Int64 = 0
        for gap in gaps.sorted(by: { $0.startSample < $1.startSample }) {
            if gap.startSample < reported || gap.startSample >= gap.endSample {
                return "\(gap), reported up to \(reported)"
            }
            reported = gap.endSample
        }
        var reached: Int64 = 0
        let all = windows + gaps.map { $0.startSample..<$0.endSample }
        for range in all.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > reached { return "nothing of \(reached)..<\(range.lowerBound)" }
            reached = max(reached, range.upperBound)
        }
        return nil
    }
}

enum TestPipeline {
    /// A pipeline with a hop of 0.2 s, and an engine for it.
    static func make(
        _ variant: Variant, _ ring: SampleRing, _ commands: CommandMailbox, _ hub: EventHub,
        _ signal: WakeSignal, waitsForReader: Bool = false, detectsAlways: Bool = false,
        mergeGapSeconds: Double = 2, repeatAfterSeconds: Double = 0,
        logger: Logger = TestServer.logger,
        onCondition: @escaping @Sendable (StreamCondition) -> Void = { _ in }
    ) throws -> (EngineLoop, Pipeline) {
        var rules = DaemonSettings().detection
        if detectsAlways {
            rules.rule = DetectionRule(
                on: 0, off: 0, minimumHits: 1, mergeGapSeconds: mergeGapSeconds,
                repeatAfterSeconds: repeatAfterSeconds)
            rules.allowed = [variant.labels[0]]
        }
        let scorer = try WindowScorer([variant], threads: 1)
        let numbers = RecordNumbers()
        let pipeline = Pipeline(
            ring: ring, commands: commands, features: LiveFeatures(for: [variant], historyFrames: 20),
            scorer: scorer, variants: [variant], numbers: numbers,
            detection: EventDetection(rules: rules, hopFrames: 20, numbers: numbers),
            clips: ClipRecorder(ClipSettings(), logger: TestServer.logger), hub: hub,
            Pipeline.Configuration(
                hopFrames: 20, source: SourceTraits(waitsForReader: waitsForReader, isLive: true)),
            logger: logger, onCondition: onCondition)
        let mailbox = EngineMailbox(signal: signal)
        let engine = EngineLoop(
            [pipeline], commands: mailbox, signal: signal, scorer: scorer, hub: hub
        ) { _ in mailbox.post(.stop) }
        return (engine, pipeline)
    }
}

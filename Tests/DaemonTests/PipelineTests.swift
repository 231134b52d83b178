import Capture
import Detection
import Dispatch
import Frontend
import TestSupport
import Inference
import Logging
import Recognizer
import Settings
import Synchronization
import Testing
import Wire

@testable import Daemon

/// The pipeline between a ring that the test fills and a hub that the test reads.
@Suite(.timeLimit(.minutes(10))) struct PipelineTests {
    private static let hop: Int64 = 20 * 160

    @Test
    func `The last sound before an interruption is classified at once, and a short gap is bridged`()
        async throws
    {
        let stream = try Stream(sourceWaits: true)
        stream.push(32_000)
        try await stream.wait(forWindowTo: 100 * 160 + 15_600)
        stream.push(1_001)
        stream.commands.post(.sourceLost)
        // Up to the end of the frame that contains the last sample: frame 204 of 160 samples, 400 long.
        try await stream.wait(forWindowTo: 33_040)
        stream.ring.skip(samples: 10_000, reason: .sourceLost)
        stream.push(16_000)
        let records = try await stream.end()
        #expect(records.gaps == [Gap(startSample: 33_001, endSample: 43_001, reason: .sourceLost)])
        // The first window that ends after the gap, at a multiple of the hop.
        let next = try #require(records.windows.first { $0.upperBound > 33_040 })
        #expect(next.upperBound > 43_001 && next.upperBound <= 43_001 + Self.hop + 160)
        #expect(next.lowerBound % Self.hop == 0)
        #expect(records.complaint == nil && stream.pipeline.currentCounters.skippedWindows == 0)
    }

    @Test(arguments: [GapReason.sourceLost, .paused])
    func `Behind a long gap, and behind a pause, a new stretch starts`(reason: GapReason) async throws {
        let stream = try Stream(sourceWaits: true)
        stream.push(20_001)
        stream.commands.post(reason == .paused ? .pause : .sourceLost)
        try await stream.wait(forWindowTo: 20_080)
        let gap: Int64 = reason == .paused ? 500 : 40_000
        stream.ring.skip(samples: gap, reason: reason)
        stream.push(20_000)
        let records = try await stream.end()
        #expect(records.gaps.map { [$0.startSample, $0.endSample] } == [[20_001, 20_001 + gap]])
        #expect(records.windows.contains { $0.lowerBound == 20_001 + gap })
        #expect(records.complaint == nil)
    }

    @Test func `An interruption without lost samples causes no gap`() async throws {
        let stream = try Stream(sourceWaits: true)
        stream.push(20_001)
        stream.commands.post(.sourceLost)
        try await stream.wait(forWindowTo: 20_080)
        stream.push(20_000)
        let records = try await stream.end()
        #expect(records.gaps.isEmpty && records.complaint == nil)
        #expect(records.windows.contains { $0.lowerBound == 20_001 })
    }

    @Test(arguments: 0..<6, [false, true])
    func `Every sample of a random stream is in a window or in exactly one gap`(seed: Int, sourceWaits: Bool)
        async throws
    {
        var random = SeededGenerator(seed: UInt64(seed))
        let stream = try Stream(sourceWaits: sourceWaits)
        for _ in 0..<40 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0: stream.ring.skip(samples: Int64.random(in: 1..<400, using: &random), reason: .sourceLost)
            case 1:
                stream.ring.skip(samples: Int64.random(in: 1..<40_000, using: &random), reason: .sourceLost)
            case 2: stream.ring.skip(samples: Int64.random(in: 1..<20_000, using: &random), reason: .overrun)
            case 3: stream.ring.skip(samples: Int64.random(in: 1..<20_000, using: &random), reason: .paused)
            case 4: stream.commands.post(Bool.random(using: &random) ? .pause : .sourceLost)
            case 5: try await Task.sleep(for: .milliseconds(30))
            default: stream.push(Int.random(in: 1..<12_000, using: &random))
            }
        }
        let records = try await stream.end()
        #expect(records.complaint == nil)
        let counters = stream.pipeline.currentCounters
        #expect(records.missing(.sourceLost) == counters.lostSamples)
        #expect(records.missing(.overrun) == counters.overrunSamples)
        #expect(records.missing(.paused) == counters.pausedSamples)
        #expect(UInt64(records.windows.count) == counters.windows)
    }

    @Test func `A stream longer than the history is classified to its end`() async throws {
        let stream = try Stream(sourceWaits: false, isHeld: true)
        stream.push(400_000)
        stream.ring.finish()
        stream.release()
        let records = try await stream.end()
        #expect(records.complaint == nil && records.gaps.first?.startSample == 0)
        #expect(records.windows.count > 2 && records.windows.last?.upperBound == 2_497 * 160 + 400)
    }

    @Test func `All windows of a stream that ended while the engine was busy are classified`() async throws {
        let stream = try Stream(sourceWaits: false, isHeld: true)
        stream.push(40_000)
        stream.ring.finish()
        stream.release()
        let records = try await stream.end()
        // The last of 248 frames ends the last window.
        #expect(records.windows.map(\.lowerBound) == (0..<8).map { $0 * Self.hop } + [(248 - 96) * 160])
        #expect(records.gaps.isEmpty && records.complaint == nil)
    }

    @Test func `A pause ends the events before it and none after it, however late the engine is`()
        async throws
    {
        let stream = try Stream(sourceWaits: false, isHeld: true, detectsAlways: true)
        stream.push(32_000)
        stream.commands.post(.pause)
        stream.ring.skip(samples: 5_000, reason: .paused)
        stream.push(32_000)
        stream.release()
        // The windows before and after the pause are classified; then the stream is idle.
        try await stream.wait(forWindowTo: 37_000 + 100 * 160 + 15_600)
        stream.push(16_000)
        let records = try await stream.end()
        #expect(records.events.map(\.state) == [.begin, .end, .begin, .end])
        let last = try #require(records.windows.last)
        #expect(last.upperBound > 37_000 + 40_000)
        #expect(records.events.last?.duration ?? 0 > 0, "the event lasted until the end of the stream")
        #expect(records.complaint == nil)
    }

    @Test func `Each interruption is classified, however late the engine is`() async throws {
        let stream = try Stream(sourceWaits: false, isHeld: true)
        stream.push(20_001)
        stream.commands.post(.sourceLost)
        stream.ring.skip(samples: 40_000, reason: .sourceLost)
        stream.push(20_001)
        stream.commands.post(.sourceLost)
        stream.release()
        // 20 001 samples end in frame 123 of their stretch, which is padded to 20 080.
        try await stream.wait(forWindowTo: 60_001 + 20_080)
        let records = try await stream.end()
        #expect(records.windows.contains { $0.upperBound == 20_080 })
        #expect(records.complaint == nil)
    }

    @Test func `When the model is broken the pipeline throws and its service stops the source`() async throws
    {
        let folder = try TestFolder()
        let model = try folder.copy(Golden.path("models/stride10"), to: "model")
        let weights = model + "/model.safetensors"
        var bytes = try TestFolder.bytes(of: weights)
        let start = try ArrayFile(path: weights).byteRange("classifier.dense.bias").lowerBound
        bytes.replaceSubrange(start..<start + 4, with: [0, 0, 0xC0, 0x7F])
        try folder.write(bytes, to: "model/model.safetensors")
        let ring = SampleRing(capacitySamples: 100_000)
        let commands = CommandMailbox(ring: ring)
        let base = VariantMaker(base: try BaseModel(directory: model), activation: nil).baseVariant
        let source = StoppableSource()
        let service = ListeningService(
            pipeline: try TestPipeline.make(base, ring, commands, EventHub()), source: source,
            logger: TestServer.logger, onReady: {})
        [Float](repeating: 0.1, count: 20_000).withUnsafeBufferPointer { ring.push($0, lastSampleNanos: 0) }
        ring.finish()
        await #expect(throws: PipelineError.self) { try await service.run() }
        #expect(source.isStopped)
        #expect(throws: EngineError.stopped) { try commands.replaceVariants(with: [base]) }
    }
}

/// A running pipeline with a small model: windows of 0.96 s, a hop of 0.2 s.
private final class Stream {
    let ring: SampleRing
    let commands: CommandMailbox
    let pipeline: Pipeline
    private let hub = EventHub(
        limits: EventHub.Limits(queueBytes: 1 << 26, queueRecords: 1 << 20, history: 0, defaultTopK: 1))
    private let client: Int
    private let queue = DispatchQueue(label: "engine")
    private let done = DispatchSemaphore(value: 0)
    private var records = Records()

    /// - Parameters:
    ///   - isHeld: The engine starts with ``release()``.
    ///   - detectsAlways: Each window is a hit for one label.
    init(sourceWaits: Bool, isHeld: Bool = false, detectsAlways: Bool = false) throws {
        let base = VariantMaker(
            base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil
        ).baseVariant
        ring = SampleRing(capacitySamples: 16_000 * 60)
        commands = CommandMailbox(ring: ring)
        pipeline = try TestPipeline.make(
            base, ring, commands, hub, waitsForReader: sourceWaits, detectsAlways: detectsAlways)
        client = hub.attach(.everything) {}
        if isHeld { queue.suspend() }
        let (pipeline, done) = (pipeline, done)
        queue.async {
            #expect(throws: Never.self) { try pipeline.run() }
            done.signal()
        }
    }

    func release() { queue.resume() }

    func push(_ count: Int) {
        let samples = (0..<count).map { Float($0 % 7) / 70 }
        samples.withUnsafeBufferPointer { ring.push($0, lastSampleNanos: 0) }
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
    func end() async throws -> Records {
        ring.finish()
        try await eventually("the end of the pipeline", that: { done.wait(timeout: .now()) == .success })
        read()
        return records
    }

    private func read() {
        while true {
            let piece = hub.dequeue(client, maximumBytes: 1 << 16)
            if piece.isEmpty { return }
            for line in piece.split(separator: 0x0A) {
                if let record = try? LiveRecord(line: Array(line)) { records.add(record) }
            }
        }
    }
}

/// The records that a client received, checked as they arrive.
private struct Records {
    var windows: [Range<Int64>] = []
    var gaps: [Gap] = []
    var events: [EventRecord] = []
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
        case .event(let event): events.append(event)
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

private enum TestPipeline {
    /// A pipeline with a hop of 0.2 s.
    static func make(
        _ variant: Variant, _ ring: SampleRing, _ commands: CommandMailbox, _ hub: EventHub,
        waitsForReader: Bool = false, detectsAlways: Bool = false
    ) throws -> Pipeline {
        var rules = DaemonSettings().detection
        if detectsAlways {
            rules.rule = DetectionRule(on: 0, off: 0, minimumHits: 1)
            rules.allowed = [variant.labels[0]]
        }
        return Pipeline(
            ring: ring, commands: commands, features: LiveFeatures(for: [variant], historyFrames: 20),
            scorer: try WindowScorer([variant], threads: 1),
            detection: EventDetection(rules: rules, hopFrames: 20),
            clips: ClipRecorder(ClipSettings(), logger: TestServer.logger), hub: hub,
            Pipeline.Configuration(
                hopFrames: 20, source: SourceTraits(waitsForReader: waitsForReader, isLive: true)),
            onMuted: { _ in })
    }
}

/// A source without samples.
private final class StoppableSource: AudioSource {
    private let stopped = Mutex(false)

    var name: String { "test" }
    var isStopped: Bool { stopped.withLock { $0 } }

    func start(into ring: SampleRing, onEvent: @escaping @Sendable (SourceEvent) -> Void) {}
    func pause() {}
    func resume() {}
    func stop() { stopped.withLock { $0 = true } }
}

import Capture
import Dispatch
import Frontend
import TestSupport
import Inference
import Logging
import Recognizer
import Settings
import Testing
import Wire

@testable import Daemon

/// The pipeline between a ring that a test fills and a hub that it reads: every sample is told, once.
@Suite(.timeLimit(.minutes(10))) struct PipelineTests {
    private static let hop: Int64 = 20 * 160

    @Test
    func `The last sound before a break is classified at once, and the windows go on behind a short hole`()
        async throws
    {
        let stream = try Stream(sourceWaits: true)
        stream.push(32_000)
        try await stream.wait(forWindowTo: 100 * 160 + 15_600)
        stream.push(1_001)
        stream.pipeline.breakOff(isForLong: false)
        // Up to the end of the frame that has the last sample.
        try await stream.wait(forWindowTo: 33_040)
        stream.ring.skip(samples: 10_000, reason: .sourceLost)
        stream.push(16_000)
        let records = try await stream.end()
        #expect(records.gaps == [Gap(startSample: 33_001, endSample: 43_001, reason: .sourceLost)])
        // The first that ends behind the hole, at a multiple of the hop.
        let next = try #require(records.windows.first { $0.upperBound > 33_040 })
        #expect(next.upperBound > 43_001 && next.upperBound <= 43_001 + Self.hop + 160)
        #expect(next.lowerBound % Self.hop == 0)
        #expect(records.complaint == nil && stream.pipeline.currentCounters.skippedWindows == 0)
    }

    @Test(arguments: [HoleReason.sourceLost, .paused])
    func `Behind a long hole, and behind a pause, the windows begin anew`(reason: HoleReason) async throws {
        let stream = try Stream(sourceWaits: true)
        stream.push(20_001)
        stream.pipeline.breakOff(isForLong: reason == .paused)
        try await stream.wait(forWindowTo: 20_080)
        let hole: Int64 = reason == .paused ? 500 : 40_000
        stream.ring.skip(samples: hole, reason: reason)
        stream.push(20_000)
        let records = try await stream.end()
        #expect(records.gaps.map { [$0.startSample, $0.endSample] } == [[20_001, 20_001 + hole]])
        #expect(records.windows.contains { $0.lowerBound == 20_001 + hole })
        #expect(records.complaint == nil)
    }

    @Test func `A break that cost nothing costs nothing`() async throws {
        let stream = try Stream(sourceWaits: true)
        stream.push(20_001)
        stream.pipeline.breakOff(isForLong: false)
        try await stream.wait(forWindowTo: 20_080)
        stream.push(20_000)
        let records = try await stream.end()
        #expect(records.gaps.isEmpty && records.complaint == nil)
        #expect(records.windows.contains { $0.lowerBound == 20_001 })
    }

    @Test(arguments: 0..<6, [false, true])
    func `Whatever happens, every sample is in a window or in one gap`(seed: Int, sourceWaits: Bool)
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
            case 4: stream.pipeline.breakOff(isForLong: Bool.random(using: &random))
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

    @Test func `A stream that ended when its first frames were long gone is told to its end`() async throws {
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
        #expect(records.windows.map(\.lowerBound) == (0..<9).map { $0 * Self.hop })
        #expect(records.gaps.isEmpty && records.complaint == nil)
    }
}

/// A running pipeline with a small model: windows of 0.96 s, a hop of 0.2 s.
private final class Stream {
    let ring = SampleRing(capacitySamples: 16_000 * 60)
    let pipeline: Pipeline
    private let hub = EventHub(
        limits: EventHub.Limits(queueBytes: 1 << 26, queueRecords: 1 << 20, history: 0, defaultTopK: 1))
    private let client: Int
    private let queue = DispatchQueue(label: "listening")
    private let done = DispatchSemaphore(value: 0)
    private var records = Records()

    init(sourceWaits: Bool, isHeld: Bool = false) throws {
        let maker = VariantMaker(
            base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil)
        let logger = TestServer.logger
        pipeline = Pipeline(
            ring: ring,
            scorer: try WindowScorer([maker.baseVariant], threads: 1),
            features: LiveFeatures(for: [maker.baseVariant], historyFrames: 20),
            detection: EventDetection(rules: Settings().detection, hopFrames: 20),
            clips: ClipRecorder(ClipSettings(), logger: logger), hub: hub, hopFrames: 20,
            sourceWaits: sourceWaits, onMuted: { _ in })
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

    /// Ends the stream; everything that was told.
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

/// What a client was told, held to account as it comes.
private struct Records {
    var windows: [Range<Int64>] = []
    var gaps: [Gap] = []
    /// Samples that a gap told after a window had answered for them.
    private var recanted: String?
    private var settled: Int64 = 0

    mutating func add(_ record: LiveRecord) {
        switch record {
        case .prediction(let prediction):
            windows.append(prediction.startSample..<prediction.endSample)
            settled = max(settled, prediction.endSample)
        case .gap(let gap):
            // The padded window before a break reaches into the hole by less than a frame's shift.
            if gap.startSample <= settled - 160 { recanted = recanted ?? "\(gap) after \(settled)" }
            gaps.append(gap)
        default: break
        }
    }

    func missing(_ reason: Gap.Reason) -> UInt64 {
        gaps.filter { $0.reason == reason }.reduce(0) { $0 + UInt64($1.endSample - $1.startSample) }
    }

    /// What does not add up; nil when everything does.
    var complaint: String? {
        if let recanted { return recanted }
        var told: Int64 = 0
        for gap in gaps.sorted(by: { $0.startSample < $1.startSample }) {
            if gap.startSample < told || gap.startSample >= gap.endSample {
                return "\(gap), told up to \(told)"
            }
            told = gap.endSample
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

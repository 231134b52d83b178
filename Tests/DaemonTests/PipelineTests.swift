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
        let stream = try PipelineStream(sourceWaits: true)
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
        let stream = try PipelineStream(sourceWaits: true)
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
        let stream = try PipelineStream(sourceWaits: true)
        stream.push(20_001)
        stream.commands.post(.sourceLost)
        try await stream.wait(forWindowTo: 20_080)
        stream.push(20_000)
        let records = try await stream.end()
        #expect(records.gaps.isEmpty && records.complaint == nil)
        #expect(records.windows.contains { $0.lowerBound == 20_001 })
    }

    @Test(arguments: [false, true])
    func `A stream that cannot be read further has no news`(sourceWaits: Bool) throws {
        let base = VariantMaker(
            base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil
        ).baseVariant
        let signal = WakeSignal()
        let ring = SampleRing(capacitySamples: 16_000 * 60, dataSignal: signal)
        let (_, pipeline) = try TestPipeline.make(
            base, ring, CommandMailbox(ring: ring), EventHub(), signal, waitsForReader: sourceWaits)
        let samples = [Float](repeating: 0.1, count: 48_000)
        samples.withUnsafeBufferPointer { ring.push($0, lastSampleNanos: SystemClock.bootNanos) }
        #expect(pipeline.hasNews)
        var block = [Float](repeating: 0, count: 1600)
        try block.withUnsafeMutableBufferPointer { try pipeline.advance(into: $0) }
        // A source that waits has more samples, which are read behind this window.
        #expect(pipeline.isDue && !pipeline.hasNews)
    }

    @Test(arguments: 0..<6, [false, true])
    func `Every sample of a random stream is in a window or in exactly one gap`(seed: Int, sourceWaits: Bool)
        async throws
    {
        var random = SeededGenerator(seed: UInt64(seed))
        let stream = try PipelineStream(sourceWaits: sourceWaits)
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
        let stream = try PipelineStream(sourceWaits: false, isHeld: true)
        stream.push(400_000)
        stream.ring.finish()
        stream.release()
        let records = try await stream.end()
        #expect(records.complaint == nil && records.gaps.first?.startSample == 0)
        #expect(records.windows.count > 2 && records.windows.last?.upperBound == 2_497 * 160 + 400)
    }

    @Test func `All windows of a stream that ended while the engine was busy are classified`() async throws {
        let stream = try PipelineStream(sourceWaits: false, isHeld: true)
        stream.push(40_000)
        stream.ring.finish()
        stream.release()
        let records = try await stream.end()
        // The last of 248 frames ends the last window.
        #expect(records.windows.map(\.lowerBound) == (0..<8).map { $0 * Self.hop } + [(248 - 96) * 160])
        #expect(records.gaps.isEmpty && records.complaint == nil)
    }

    @Test func `An event that continues has ongoing records, and still one begin and one end`() async throws {
        let stream = try PipelineStream(sourceWaits: true, detectsAlways: true, repeatAfterSeconds: 0.5)
        stream.push(48_000)
        let records = try await stream.end()
        #expect(records.events.map(\.state) == [.begin, .end])
        let begin = try #require(records.events.first)
        // The hop is 0.2 s: every third window is at least 0.5 s after the last report.
        #expect(records.ongoing.map(\.endSample) == [1, 2, 3].map { begin.endSample + $0 * 9600 })
        for record in records.ongoing {
            #expect(record.id == begin.id && record.startSample == begin.startSample)
            let nanos = record.time.unixNanos - begin.time.unixNanos
            #expect(nanos > 0 && abs(record.duration - Double(nanos) / 1e9) < 0.001)
            #expect(record.seq == UInt64(1 + (record.endSample - begin.endSample) / 3200))
        }
    }

    @Test func `A pause ends the events before it and none after it, however late the engine is`()
        async throws
    {
        let stream = try PipelineStream(sourceWaits: false, isHeld: true, detectsAlways: true)
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

    @Test(arguments: [true, false])
    func `The events of a source that is gone end by the clock, and begin again with new sound only`(
        reportsLoss: Bool
    ) async throws {
        let stream = try PipelineStream(sourceWaits: !reportsLoss, detectsAlways: true, mergeGapSeconds: 0.5)
        stream.push(32_000)
        try await stream.wait(forEvents: [.begin])
        // A source that stalls without a word, such as a pipe, is gone after three seconds.
        if reportsLoss { stream.commands.post(.sourceLost) }
        try await stream.wait(forEvents: [.begin, .end])
        // Shorter than a window of 15 760 samples: the windows continue.
        if reportsLoss { stream.ring.skip(samples: 10_000, reason: .sourceLost) }
        stream.push(40_000)
        let records = try await stream.end()
        #expect(records.events.map(\.state) == [.begin, .end, .begin, .end])
        #expect(records.events.map { $0.id.split(separator: "-").last } == ["1", "1", "2", "2"])
        #expect(stream.pipeline.currentCounters.events == 2)
        #expect(records.complaint == nil)
        // The second event begins with the first window that has nothing from before.
        let first = try #require(records.windows.first { $0.lowerBound >= 32_000 })
        let begin = try #require(records.begins.last)
        #expect(begin == first.upperBound)
    }

    @Test func `Windows that are skipped again and again are reported once, and so is their end`()
        async throws
    {
        let stream = try PipelineStream(sourceWaits: false)
        var end: Int64 = 0
        func push(_ count: Int) async throws {
            stream.push(count)
            end += Int64(count)
            try await stream.wait(forWindowFrom: end - 15_760 - Self.hop)
        }
        // Each burst is longer than two hops, so that only the newest of its windows is classified.
        for _ in 0..<4 { try await push(16_000) }
        #expect(stream.conditions.last?.overload?.hasPrefix("windows are skipped: a pass takes ") == true)
        for _ in 0..<60 { try await push(Int(Self.hop)) }
        _ = try await stream.end()
        #expect(stream.conditions.count == 2 && stream.conditions.last == StreamCondition())
        let lines = stream.log.messages
        #expect(lines.count == 2, "\(lines)")
        #expect(lines.first?.contains("the hop is 200 ms: ") == true)
        #expect(lines.last?.hasSuffix("s; none are any more") == true)
    }

    @Test func `Each interruption is classified, however late the engine is`() async throws {
        let stream = try PipelineStream(sourceWaits: false, isHeld: true)
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
        let signal = WakeSignal()
        let ring = SampleRing(capacitySamples: 100_000, dataSignal: signal)
        let commands = CommandMailbox(ring: ring)
        let base = VariantMaker(base: try BaseModel(directory: model), activation: nil).baseVariant
        let source = StoppableSource()
        let (engine, _) = try TestPipeline.make(base, ring, commands, EventHub(), signal)
        let service = ListeningService(
            engine: engine, stopSources: source.stop, logger: TestServer.logger, onReady: {})
        [Float](repeating: 0.1, count: 20_000).withUnsafeBufferPointer { ring.push($0, lastSampleNanos: 0) }
        ring.finish()
        await #expect(throws: PipelineError.self) { try await service.run() }
        #expect(source.isStopped)
        #expect(throws: EngineError.stopped) {
            try engine.commands.replaceVariants(with: VariantSets(common: [base]))
        }
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

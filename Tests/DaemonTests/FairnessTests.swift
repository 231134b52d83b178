import Capture
import Dispatch
import Inference
import Recognizer
import Settings
import TestSupport
import Testing
import Wire

@testable import Daemon

/// Several sources on one engine.
@Suite(.timeLimit(.minutes(10))) struct FairnessTests {
    /// Pipelines of several sources whose rings the test fills.
    private final class Streams {
        let names: [String]
        let rings: [SampleRing]
        let engine: EngineLoop
        private let hub = EventHub(
            limits: EventHub.Limits(
                queueBytes: 1 << 26, queueRecords: 1 << 20, predictions: 0, defaultTopK: 1))
        private let client: Int
        private let done = DispatchSemaphore(value: 0)
        private var records: [String: PipelineRecords] = [:]

        /// - Parameter hops: In frames, by name.
        init(_ hops: [(name: String, frames: Int)]) throws {
            let base = VariantMaker(
                base: try BaseModel(directory: Golden.path("models/stride10")), activation: nil
            ).baseVariant
            let signal = WakeSignal()
            let scorer = try WindowScorer([base], threads: 1)
            let numbers = RecordNumbers()
            let hub = hub
            let rings = hops.map { _ in
                SampleRing(capacitySamples: 16_000 * 60, dataSignal: signal)
            }
            let pipelines = zip(hops, rings).map { hop, ring in
                Pipeline(
                    ring: ring, commands: CommandMailbox(ring: ring),
                    features: LiveFeatures(for: [base], historyFrames: hop.frames), scorer: scorer,
                    variants: [base], numbers: numbers,
                    detection: EventDetection(
                        rules: DaemonSettings().detection, hopFrames: hop.frames, numbers: numbers),
                    clips: ClipRecorder(ClipSettings(), logger: TestServer.logger), hub: hub,
                    Pipeline.Configuration(
                        name: hop.name, hopFrames: hop.frames,
                        source: SourceTraits(waitsForReader: false, isLive: true)),
                    logger: TestServer.logger, onCondition: { _ in })
            }
            (names, self.rings) = (hops.map(\.name), rings)
            let mailbox = EngineMailbox(signal: signal)
            var ended = 0
            engine = EngineLoop(
                pipelines, commands: mailbox, signal: signal, scorer: scorer, hub: hub
            ) { _ in
                ended += 1
                if ended == hops.count { mailbox.post(.stop) }
            }
            client = hub.attach(.everything) {}.id
        }

        func run() {
            let (engine, done) = (engine, done)
            DispatchQueue(label: "engine").async {
                #expect(throws: Never.self) { try engine.run() }
                done.signal()
            }
        }

        func push(_ count: Int, to index: Int) {
            [Float](repeating: 0.1, count: count).withUnsafeBufferPointer {
                rings[index].push($0, lastSampleNanos: SystemClock.bootNanos)
            }
        }

        /// The windows so far, in the order of the sources.
        func windows() -> [Int] {
            read()
            return names.map { records[$0]?.windows.count ?? 0 }
        }

        /// Ends all streams.
        func end() async throws -> [String: PipelineRecords] {
            for ring in rings { ring.finish() }
            try await eventually("the end of the engine", that: { done.wait(timeout: .now()) == .success })
            read()
            return records
        }

        private func read() {
            for record in hub.records(of: client) {
                guard let name = record.sourceName else { continue }
                records[name, default: PipelineRecords()].add(record)
            }
        }
    }

    @Test func `Every sample of every source is in a window or a gap of that source`() async throws {
        let streams = try Streams([("a", 10), ("b", 20), ("c", 35)])
        streams.run()
        var random = SeededGenerator(seed: 17)
        for _ in 0..<60 {
            let index = Int.random(in: 0..<3, using: &random)
            if Int.random(in: 0..<5, using: &random) == 0 {
                streams.rings[index].skip(
                    samples: Int64.random(in: 1..<30_000, using: &random), reason: .sourceLost)
            } else {
                streams.push(Int.random(in: 1..<12_000, using: &random), to: index)
            }
        }
        let records = try await streams.end()
        for name in streams.names {
            #expect(records[name]?.complaint == nil, "source \(name)")
            #expect(records[name]?.windows.isEmpty == false)
        }
    }

    /// The clock of this test is the engine: with every window that it classifies, 20 ms pass, in which two
    /// windows of each of the eight sources are due.
    @Test func `Under overload, sources with equal hops have equal shares`() async throws {
        let streams = try Streams((0..<8).map { ("source\($0)", 1) })
        streams.run()
        for index in 0..<8 { streams.push(16_000, to: index) }
        for round in 1...800 {
            try await eventually("\(round) windows", that: { streams.windows().reduce(0, +) >= round })
            // Each is the first in turn: where the test is late, the engine serves the first that comes.
            for index in 0..<8 { streams.push(320, to: (round + index) % 8) }
        }
        let shares = streams.windows()
        let (least, most) = (try #require(shares.min()), try #require(shares.max()))
        #expect(Double(most) / Double(least) <= 1.1, "windows of each source: \(shares)")
        let records = try await streams.end()
        for name in streams.names {
            #expect(records[name]?.complaint == nil, "source \(name)")
            #expect(records[name]?.missing(.skipped) ?? 0 > 0, "source \(name) does not say so")
        }
    }
}

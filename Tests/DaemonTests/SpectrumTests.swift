import Glibc
import Inference
import Recognizer
import TestSupport
import Testing
import Wire

@testable import Daemon

/// `spectrum` records: a coarse picture of the sound.
@Suite(.timeLimit(.minutes(10))) struct SpectrumTests {
    private func features() throws -> LiveFeatures {
        let base = try BaseModel(directory: Golden.path("models/stride10"))
        return LiveFeatures(for: [VariantMaker(base: base, activation: nil).baseVariant])
    }

    private func append(_ hertz: Double, _ amplitude: Double, samples: Int, to features: LiveFeatures) {
        let sound = (0..<samples).map { Float(amplitude * sin(2 * .pi * hertz * Double($0) / 16_000)) }
        sound.withUnsafeBufferPointer { features.append($0) }
    }

    @Test func `A tone is in the band of its frequency, with its level, ten times a second`() throws {
        let features = try features()
        var meter = SpectrumMeter()
        let none = meter.nextColumn(of: features)
        #expect(none == nil)
        var bands: [Int] = []
        for hertz in [200.0, 1000, 4000] {
            append(hertz, 0.1, samples: 16_000, to: features)
            var columns: [SpectrumMeter.Column] = []
            while let column = meter.nextColumn(of: features) { columns.append(column) }
            #expect((9...10).contains(columns.count))
            let levels = try #require(columns.last?.levels)
            let loudest = try #require(levels.indices.max { levels[$0] < levels[$1] })
            bands.append(loudest)
            // Far from the tone there is nothing.
            #expect(levels[(loudest + 32) % levels.count] < levels[loudest] - 30)
            // -20 dB, less what the pre-emphasis takes from low frequencies.
            #expect((-60 ... -10).contains(levels[loudest]), "\(hertz) Hz: \(levels[loudest]) dB")
        }
        #expect(bands == bands.sorted() && Set(bands).count == 3)
    }

    @Test func `Silence has the lowest level, and a reset begins again`() throws {
        let features = try features()
        var meter = SpectrumMeter()
        features.appendSilence(samples: 8000)
        let first = meter.nextColumn(of: features)
        let column = try #require(first)
        #expect(column.frames == 0..<10 && Set(column.levels).count == 1 && column.levels[0] < -100)
        while meter.nextColumn(of: features) != nil {}
        features.reset()
        meter.reset()
        features.appendSilence(samples: 8000)
        let again = meter.nextColumn(of: features)
        #expect(again?.frames == 0..<10)
        // More than is stored.
        features.appendSilence(samples: 16_000 * 60)
        let oldest = features.oldestFrame
        let later = meter.nextColumn(of: features)
        #expect(later?.frames.lowerBound == oldest)
    }

    @Test func `No client receives the sound's picture without asking for it`() async throws {
        try await TestServer.with { test in
            let events = try TestClient(test.events)
            _ = try await events.line()
            func subscriber(_ params: String) async throws -> TestClient {
                let client = try TestClient(test.control)
                _ = try await client.line()
                _ = try await client.request("subscribe", params)
                return client
            }
            let (all, asking) = (try await subscriber("{}"), try await subscriber(#"{"types":["spectrum"]}"#))
            let record = LiveRecord.spectrum(
                SpectrumRecord(unixNanos: 0, startSample: 0, endSample: 1600, levels: [-60, -3]))
            test.hub.publish(record)
            test.hub.publish(TestServer.prediction(1))
            for client in [events, all] {
                #expect(try await client.record()?.kind == .prediction)
            }
            #expect(try await asking.record() == record)
            // Nor later: it is not kept for clients that continue.
            let late = try await subscriber(#"{"types":["spectrum","prediction"],"since_seq":0}"#)
            #expect(try await late.record()?.kind == .prediction)
        }
    }
}

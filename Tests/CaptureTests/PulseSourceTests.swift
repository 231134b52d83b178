import Dispatch
import Capture
import Glibc
import TestSupport
import Testing

/// Tests with real servers, one at a time: servers run in real time, and a starved one loses samples.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PulseSourceTests {
    /// The position of a run of samples in a stream, compared bit for bit.
    private static func place(of wanted: [Float], in samples: [Float]) -> Int? {
        guard samples.count >= wanted.count else { return nil }
        return (0...samples.count - wanted.count).first { start in
            samples[start] == wanted[0] && samples[start..<start + wanted.count].elementsEqual(wanted)
        }
    }

    /// Threads of this process that capture from PulseAudio.
    private static func captureThreads() -> Int {
        guard let tasks = opendir("/proc/self/task") else { return -1 }
        defer { closedir(tasks) }
        var count = 0
        while let entry = readdir(tasks) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            let comm = (try? TestFolder.bytes(of: "/proc/self/task/\(name)/comm")) ?? []
            if comm.starts(with: "astd-pulse".utf8) { count += 1 }
        }
        return count
    }

    @Test func `Played samples arrive bit for bit, without gaps, and with plausible times`() async throws {
        let server = try await PulseServer()
        let ring = SampleRing(capacitySamples: 16_000 * 120)
        let events = EventLog()
        let begin = SystemClock.bootNanos
        let source = PulseSource(pattern: "exact*", server: server.address)
        try source.start(into: ring, onEvent: events.add)
        try await events.wait(for: .healthy)
        let played = AudioFixture.noise(32_000)
        try await server.play(played, to: "exact")
        var log = StreamLog()
        try await log.read(ring, until: "the silence after the sound") { log in
            log.samples.count > 40_000 && log.samples.suffix(8_000).allSatisfy { $0 == 0 }
        }
        source.stop()
        source.stop()
        let first = try #require(log.samples.firstIndex { $0 != 0 })
        #expect(Self.place(of: played, in: Array(log.samples[first...].prefix(40_000))) == 0)
        #expect(log.gaps.isEmpty && log.firstMismatch == nil)
        #expect(ring.overrunSamples == 0)
        #expect(events.all == [SourceEvent(state: .healthy, name: "pulse:exact.monitor")])
        #expect(log.lastNanos > begin)
        #expect(log.lastNanos < SystemClock.bootNanos)
        try await log.readToEnd(ring)
        #expect(Self.captureThreads() == 0)
    }

    @Test func `An event handler runs with no lock held`() async throws {
        let server = try await PulseServer()
        let source = PulseSource(pattern: "exact*", server: server.address)
        let events = EventLog()
        try source.start(into: SampleRing(capacitySamples: 16_000)) { event in
            // Another thread that takes the source's locks must get them while the handler waits for it.
            let done = DispatchSemaphore(value: 0)
            DispatchQueue.global().async {
                source.resume()
                done.signal()
            }
            if done.wait(timeout: .now() + 60) == .success { events.add(event) }
        }
        try await events.wait(for: .healthy)
        source.stop()
    }

    @Test func `Another rate and two channels arrive as 16 kHz mono, at the same level`() async throws {
        let server = try await PulseServer(sinks: ["sink_name=wide rate=48000 channels=2 norewinds=1"])
        let ring = SampleRing(capacitySamples: 16_000 * 120)
        let events = EventLog()
        let source = PulseSource(pattern: nil, server: server.address)
        try source.start(into: ring, onEvent: events.add)
        try await events.wait(for: .healthy)
        try await server.play(AudioFixture.sine(1_000, rate: 16_000, frames: 32_000), to: "wide")
        var log = StreamLog()
        try await log.read(ring, until: "the silence after the sound") { log in
            log.samples.count > 36_000 && log.samples.suffix(8_000).allSatisfy { abs($0) < 1e-3 }
        }
        source.stop()
        let first = try #require(log.samples.firstIndex { abs($0) > 0.1 })
        let middle = log.samples[first...].dropFirst(8_000).prefix(16_000)
        #expect(abs(AudioFixture.amplitude(of: 1_000, in: middle) - 0.5) < 0.02)
        #expect(events.all.first?.name == "pulse:wide.monitor")
    }

    @Test func `A channel is selected from the source's own, also where their mean is silence`() async throws
    {
        let server = try await PulseServer(sinks: ["sink_name=stereo rate=16000 channels=2 norewinds=1"])
        var logs: [StreamLog] = []
        let choices: [SourceChannel] = [.mix, .number(1), .number(2), .loudest]
        let captures = try choices.map { channel in
            let source = PulseSource(
                pattern: "stereo.monitor", server: server.address, signal: SignalSettings(channel: channel))
            let (ring, events) = (SampleRing(capacitySamples: 16_000 * 120), EventLog())
            try source.start(into: ring, onEvent: events.add)
            return (source, ring, events)
        }
        // All record before the sound begins.
        for (_, _, events) in captures { try await events.wait(for: .healthy) }
        let tone = AudioFixture.sine(1_000, rate: 16_000, frames: 32_000)
        try await server.play(tone.flatMap { [$0, -$0 / 1.25] }, channels: 2, to: "stereo")
        for (source, ring, _) in captures {
            var log = StreamLog()
            try await log.read(ring, until: "the sound") { $0.samples.count { abs($0) > 0.02 } > 16_000 }
            source.stop()
            logs.append(log)
        }
        let peaks = logs.map { $0.samples.map { abs($0) }.max() ?? 0 }
        for (peak, wanted) in zip(peaks, [Float(0.05), 0.5, 0.4, 0.5]) { #expect(abs(peak - wanted) < 0.01) }
    }

    @Test func `A channel that the source does not have is reported with those that it has`() async throws {
        let server = try await PulseServer()
        let events = EventLog()
        let source = PulseSource(
            pattern: nil, server: server.address, signal: SignalSettings(channel: .number(2)))
        try source.start(into: SampleRing(capacitySamples: 16_000), onEvent: events.add)
        try await events.wait(for: .lost)
        #expect(events.all.last?.message?.contains("has 1 channel, not 2: choose channel 1, or mix") == true)
        source.stop()
    }

    @Test func `A glob over names or descriptions chooses the source, and the list contains all`()
        async throws
    {
        let server = try await PulseServer(sinks: [
            "sink_name=one rate=16000 channels=1",
            "sink_name=two rate=44100 channels=2 sink_properties=device.description=Kitchen",
        ])
        let sources = try listPulseSources(server: server.address)
        #expect(sources.map(\.name) == ["one.monitor", "two.monitor"])
        #expect(sources.map(\.rate) == [16_000, 44_100])
        #expect(sources.map(\.channels) == [1, 2])
        #expect(sources.allSatisfy { $0.isMonitor })
        #expect(sources.filter { $0.isDefault }.count == 1)
        #expect(sources[1].description.contains("Kitchen"))
        for pattern in ["t?o.*", "*kitchen*", "two.monitor"] {
            let events = EventLog()
            let source = PulseSource(pattern: pattern, server: server.address)
            try source.start(into: SampleRing(capacitySamples: 16_000), onEvent: events.add)
            try await events.wait(for: .healthy)
            source.stop()
            #expect(events.all.first?.name == "pulse:two.monitor", "\(pattern)")
        }
    }

    @Test
    func `astd waits for a source that is missing at the start, and lists the present ones`()
        async throws
    {
        let server = try await PulseServer()
        let source = PulseSource(pattern: "*Yeti*", server: server.address)
        let wanted = CaptureError.noSuchSource(wanted: "*Yeti*", available: ["exact.monitor"])
        #expect(wanted.code == "no_such_source")
        #expect(
            wanted.description == "no PulseAudio source matches *Yeti*: choose one of pulse:exact.monitor")
        let ring = SampleRing(capacitySamples: 16_000 * 120)
        let events = EventLog()
        try source.start(into: ring, onEvent: events.add)
        let lost = SourceEvent(state: .lost, name: "pulse:*Yeti*", message: wanted.description)
        #expect(events.all == [lost])
        // A source that does not match is not recorded.
        try await server.control(["load-module", "module-null-sink", "sink_name=other", "norewinds=1"])
        try await server.control(["load-module", "module-null-sink", "sink_name=Yeti", "norewinds=1"])
        try await events.wait(for: .healthy)
        #expect(events.changes == [.lost, .recovering, .healthy])
        #expect(events.all.last?.name == "pulse:Yeti.monitor")
        // No samples precede: the stream starts with the first one, without a gap.
        var log = StreamLog()
        try await log.read(ring, until: "a quarter of a second") { $0.samples.count > 4_000 }
        #expect(log.gaps.isEmpty && log.firstMismatch == nil)
        source.stop()
        #expect(Self.captureThreads() == 0)
    }

    @Test
    func
        `Without a server, or with a hung one, start reports the source lost within seconds and keeps trying`()
        async throws
    {
        let server = try await PulseServer()
        server.suspend()
        let hanging = PulseSource(pattern: nil, server: server.address)
        let hangs = CaptureError.serverHangs(server: PulseAddress(server.address))
        #expect(throws: hangs) { try listPulseSources(server: server.address) }
        let patient = EventLog()
        try hanging.start(into: SampleRing(capacitySamples: 100), onEvent: patient.add)
        #expect(patient.all == [SourceEvent(state: .lost, name: "pulse", message: hangs.description)])
        server.resume()
        try await patient.wait(for: .healthy)
        hanging.stop()
        server.kill()

        let refused = CaptureError.noServer(
            server: PulseAddress(server.address), reason: "Connection refused")
        let source = PulseSource(pattern: nil, server: server.address)
        let late = EventLog()
        try source.start(into: SampleRing(capacitySamples: 100), onEvent: late.add)
        #expect(throws: refused) { try listPulseSources(server: server.address) }
        #expect(refused.code == "no_server" && refused.description.contains("PULSE_SERVER"))
        #expect(late.all == [SourceEvent(state: .lost, name: "pulse", message: refused.description)])
        try await server.start()
        try await late.wait(for: .healthy)
        #expect(late.changes == [.lost, .recovering, .healthy])
        source.stop()
        #expect(Self.captureThreads() == 0)
    }
}

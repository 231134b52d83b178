import Capture
import Glibc
import SystemSupport
import TestSupport
import Testing

extension PulseSourceTests {
    /// Servers and sources that disappear and return. Serialized with the other tests that have a server.
    @Suite(.serialized) struct Recovery {
        /// Captures, runs `trouble`, and expects: lost, recovering, healthy, one gap no longer than the whole
        /// test, and samples after it.
        private static func survive(
            _ pattern: String?, of server: PulseServer, trouble: (EventLog) async throws -> Void
        ) async throws -> EventLog {
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let begin = SystemClock.bootNanos
            let source = PulseSource(pattern: pattern, server: server.address)
            try source.start(into: ring, onEvent: events.add)
            try await events.wait(for: .healthy)
            var log = StreamLog()
            try await log.read(ring, until: "half a second") { $0.samples.count > 8_000 }
            try await trouble(events)
            try await events.wait(for: .healthy, times: 2)
            let before = log.samples.count
            try await log.read(ring, until: "a gap and half a second more") {
                !$0.gaps.isEmpty && $0.samples.count > before + 8_000
            }
            source.stop()
            let lasted = (SystemClock.bootNanos - begin) / CaptureFormat.nanosPerSample
            // Samples and gap together are no longer than the time that passed; a server may deliver some
            // older ones.
            #expect(log.position < lasted + 8_000)
            #expect(events.changes == [.healthy, .lost, .recovering, .healthy], "\(events.all)")
            #expect(log.firstMismatch == nil)
            #expect(log.gaps.count == 1)
            #expect(log.missing(.sourceLost) > 0)
            return events
        }

        @Test func `A server that is killed and restarted costs one gap`() async throws {
            let server = try await PulseServer()
            let events = try await Self.survive(nil, of: server) { events in
                server.kill()
                try await events.wait(for: .lost)
                try await server.start()
            }
            #expect(events.all.first { $0.state == .lost }?.message?.contains("no PulseAudio server") == true)
        }

        @Test func `The reason of a loss is that of now, not that of its begin`() async throws {
            let server = try await PulseServer()
            let source = PulseSource(pattern: "*Yeti*", server: server.address)
            let events = EventLog()
            try source.start(into: SampleRing(capacitySamples: 16_000), onEvent: events.add)
            #expect(events.all.last?.message?.contains("no PulseAudio source matches") == true)
            server.kill()
            try await eventually("the loss of the server") {
                events.all.last?.message
            } until: {
                $0?.contains("no PulseAudio server answers at \(server.address)") == true
            }
            #expect(events.changes == [.lost])
            source.stop()
        }

        @Test func `A source that is connected and delivers nothing ends as lost, not as recovering`()
            async throws
        {
            let server = try await PulseServer()
            let folder = try TestFolder()
            try await server.control([
                "load-module", "module-pipe-source", "source_name=pipe", "file=\(folder.file("pipe"))",
                "format=s16le", "rate=16000", "channels=1",
            ])
            let source = PulseSource(pattern: "pipe", server: server.address)
            let events = EventLog()
            try source.start(into: SampleRing(capacitySamples: 16_000), onEvent: events.add)
            try await events.wait(for: .lost)
            #expect(events.all.last?.message?.contains("no samples for 3 seconds") == true)
            // Once more the stream is set up and delivers nothing; then the source is removed.
            try await eventually("two streams that were given up") {
                try await server.recorders()
            } until: {
                $0.count == 1
            }
            try await server.control(["unload-module", "module-pipe-source"])
            try await eventually("the loss of the source") {
                events.all.last?.message
            } until: {
                $0?.contains("no PulseAudio source matches pipe") == true
            }
            #expect(events.changes == [.lost], "\(events.all)")
            source.stop()
            withExtendedLifetime(folder) {}
        }

        @Test func `A hung server is reported lost, and recorded again when it continues`() async throws {
            let server = try await PulseServer()
            _ = try await Self.survive("exact.monitor", of: server) { events in
                server.suspend()
                try await events.wait(for: .lost)
                // Not the source: the server is asked before it is given up.
                let hangs = CaptureError.serverHangs(server: PulseAddress(server.address))
                #expect(events.all.last?.message == hangs.description)
                server.resume()
            }
        }

        @Test func `A hung server that lets no more clients wait is not reported as absent`() async throws {
            let server = try await PulseServer()
            server.suspend()
            defer { server.resume() }
            let waiting = try Self.fillBacklog(of: server)
            defer { for descriptor in waiting { close(descriptor) } }

            let hangs = CaptureError.serverHangs(server: PulseAddress(server.address))
            #expect(throws: hangs) { try listPulseSources(server: server.address) }
            let source = PulseSource(pattern: nil, server: server.address)
            let events = EventLog()
            try source.start(into: SampleRing(capacitySamples: 16_000), onEvent: events.add)
            defer { source.stop() }
            #expect(events.all.map(\.message) == [hangs.description])
            server.resume()
            try await events.wait(for: .healthy)
        }

        /// Connects clients until the server's socket takes no more.
        private static func fillBacklog(of server: PulseServer) throws -> [Int32] {
            let address = try #require(UnixAddress(path: String(server.address.dropFirst("unix:".count))))
            var descriptors: [Int32] = []
            while true {
                let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
                descriptors.append(socket(AF_UNIX, Int32(type), 0))
                guard address.connect(descriptors[descriptors.count - 1]) != 0 else { continue }
                #expect(errno == EAGAIN)
                return descriptors
            }
        }

        @Test func `astd waits for an unplugged source instead of using another`()
            async throws
        {
            let server = try await PulseServer(sinks: [
                PulseServer.exactSink, "sink_name=other rate=16000 channels=1 norewinds=1",
            ])
            let events = try await Self.survive("exact.*", of: server) { events in
                try await server.unload(sink: PulseServer.sink)
                try await events.wait(for: .lost)
                #expect(events.changes == [.healthy, .lost])
                try await server.load(sink: PulseServer.exactSink)
            }
            #expect(events.all.allSatisfy { !$0.name.contains("other") })
            #expect(events.all.last?.name == "pulse:exact.monitor")
        }

        @Test
        func `A source that the server suspends is lost at once, and recorded again when it is resumed`()
            async throws
        {
            let server = try await PulseServer()
            let events = try await Self.survive("exact.monitor", of: server) { events in
                try await server.control(["suspend-sink", "exact", "1"])
                try await events.wait(for: .lost)
                try await server.control(["suspend-sink", "exact", "0"])
            }
            #expect(events.all.first { $0.state == .lost }?.message?.contains("suspended") == true)
        }

        @Test func `A change of the default source is followed and reported by name`() async throws {
            let server = try await PulseServer(sinks: [
                PulseServer.exactSink, "sink_name=other rate=16000 channels=1 norewinds=1",
            ])
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: nil, server: server.address)
            try source.start(into: ring, onEvent: events.add)
            try await events.wait(for: .healthy)
            let other = events.all[0].name == "pulse:other.monitor" ? "exact.monitor" : "other.monitor"
            try await server.control(["set-default-source", other])
            try await events.wait(for: .healthy, times: 2)
            source.stop()
            #expect(events.states == [.healthy, .healthy])
            #expect(events.all.last?.name == "pulse:\(other)")
        }

        @Test func `Stopping while the server is missing returns at once`() async throws {
            let server = try await PulseServer()
            let events = EventLog()
            let source = PulseSource(pattern: nil, server: server.address)
            let ring = SampleRing(capacitySamples: 16_000)
            try source.start(into: ring, onEvent: events.add)
            try await events.wait(for: .healthy)
            server.kill()
            try await events.wait(for: .lost)
            try await completes("stop()") { source.stop() }
            var log = StreamLog()
            try await log.readToEnd(ring)
        }
    }
}

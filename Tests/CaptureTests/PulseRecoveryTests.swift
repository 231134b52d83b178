import Capture
import Glibc
import TestSupport
import Testing

extension PulseSourceTests {
    /// Servers and sources that go away and come back. Serialized with the other tests that have a server.
    @Suite(.serialized) struct Recovery {
        /// Listens, lets `trouble` happen, and expects: lost, recovering, healthy, a hole about as long as the trouble,
        /// and samples after it.
        private static func survive(
            _ pattern: String?, of server: PrivatePulseServer, trouble: (EventLog) throws -> Void
        ) throws -> EventLog {
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: pattern, server: server.address)
            try source.start(into: ring, onEvent: events.add)
            #expect(events.wait(for: .healthy, seconds: 30))
            let firstHeard = monotonicSeconds()
            var log = StreamLog()
            #expect(log.run(ring, seconds: 30) { $0.samples.count > 8_000 })
            let begin = monotonicSeconds()
            try trouble(events)
            #expect(events.wait(for: .healthy, times: 2, seconds: 60), "\(events.all)")
            let lasted = monotonicSeconds() - begin
            let before = log.samples.count
            #expect(log.run(ring, seconds: 60) { !$0.holes.isEmpty && $0.samples.count > before + 8_000 })
            let heard = monotonicSeconds() - firstHeard
            source.stop()
            // Samples and hole together last as long as the clock says.
            #expect(abs(Double(log.position) / 16_000 - heard) < 0.6, "\(log.position) samples in \(heard) s")
            #expect(events.states == [.healthy, .lost, .recovering, .healthy], "\(events.all)")
            #expect(log.firstBreak == nil)
            #expect(log.holes.count == 1)
            let missing = Double(log.missing(.sourceLost)) / 16_000
            #expect(
                missing > 0.2 && missing < lasted + 3, "\(missing) s missing after \(lasted) s of trouble")
            return events
        }

        @Test func `A server that is killed and comes back costs a hole and nothing else`() throws {
            let server = try PrivatePulseServer()
            let events = try Self.survive(nil, of: server) { events in
                server.kill()
                #expect(events.wait(for: .lost, seconds: 30))
                usleep(700_000)
                try server.start()
            }
            #expect(events.all.first { $0.state == .lost }?.message?.contains("no PulseAudio server") == true)
        }

        @Test func `A server that hangs is noticed, and taken up again when it goes on`() throws {
            let server = try PrivatePulseServer()
            _ = try Self.survive("exact.monitor", of: server) { events in
                server.pause()
                let begin = monotonicSeconds()
                #expect(events.wait(for: .lost, seconds: 60))
                #expect(monotonicSeconds() - begin > 2)
                usleep(500_000)
                server.resume()
            }
        }

        @Test func `A source that is pulled out is waited for, and no other is taken in its place`() throws {
            let server = try PrivatePulseServer(sinks: [
                PrivatePulseServer.exactSink, "sink_name=other rate=16000 channels=1 norewinds=1",
            ])
            let events = try Self.survive("exact.*", of: server) { events in
                try server.control(["unload-module", "1"])
                #expect(events.wait(for: .lost, seconds: 30))
                usleep(500_000)
                #expect(events.states == [.healthy, .lost])
                try server.control(
                    ["load-module", "module-null-sink"]
                        + PrivatePulseServer.exactSink.split(separator: " ").map(String.init))
            }
            #expect(events.all.allSatisfy { !$0.name.contains("other") })
            #expect(events.all.last?.name == "exact.monitor")
        }

        @Test func `A source that the server suspends is lost at once, and heard again when it is resumed`()
            throws
        {
            let server = try PrivatePulseServer()
            let events = try Self.survive("exact.monitor", of: server) { events in
                try server.control(["suspend-sink", "exact", "1"])
                #expect(events.wait(for: .lost, seconds: 60))
                usleep(500_000)
                try server.control(["suspend-sink", "exact", "0"])
            }
            #expect(events.all.first { $0.state == .lost }?.message?.contains("suspended") == true)
        }

        @Test func `The default is followed when it changes, and named`() throws {
            let server = try PrivatePulseServer(sinks: [
                PrivatePulseServer.exactSink, "sink_name=other rate=16000 channels=1 norewinds=1",
            ])
            let ring = SampleRing(capacitySamples: 16_000 * 300)
            let events = EventLog()
            let source = PulseSource(pattern: nil, server: server.address)
            try source.start(into: ring, onEvent: events.add)
            #expect(events.wait(for: .healthy, seconds: 60))
            let other = events.all[0].name == "other.monitor" ? "exact.monitor" : "other.monitor"
            try server.control(["set-default-source", other])
            #expect(events.wait(for: .healthy, times: 2, seconds: 60))
            source.stop()
            #expect(events.states == [.healthy, .healthy] && events.all[1].name == other, "\(events.all)")
        }

        @Test func `Stopping while the server is away ends at once`() throws {
            let server = try PrivatePulseServer()
            let events = EventLog()
            let source = PulseSource(pattern: nil, server: server.address)
            let ring = SampleRing(capacitySamples: 16_000)
            try source.start(into: ring, onEvent: events.add)
            #expect(events.wait(for: .healthy, seconds: 30))
            server.kill()
            #expect(events.wait(for: .lost, seconds: 30))
            usleep(300_000)
            let begin = monotonicSeconds()
            source.stop()
            #expect(monotonicSeconds() - begin < 10)
            var log = StreamLog()
            _ = log.run(ring, seconds: 10)
            #expect(log.isFinished)
        }
    }
}

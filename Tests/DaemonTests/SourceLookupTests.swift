import Capture
import Dispatch
import NIOConcurrencyHelpers
import Testing
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct SourceLookupTests {
    private static let microphone = PulseSourceInfo(
        name: "mic", description: "A microphone", isMonitor: false, isDefault: true, state: .running,
        rate: 48_000, channels: 2)

    @Test func `Sources are listed in the form that --source accepts, and the active one is marked`()
        async throws
    {
        let monitor = PulseSourceInfo(
            name: "out.monitor", description: "Monitor", isMonitor: true, isDefault: false, state: .idle,
            rate: 48_000, channels: 2)
        let lookup = SourceLookup(active: { [SourceRecord(state: .healthy, name: "pulse:mic")] }) {
            [Self.microphone, monitor]
        }
        let list = try await lookup.list()
        #expect(list.sources.map(\.name) == ["pulse:mic", "pulse:out.monitor"])
        #expect(list.sources.map(\.isActive) == [true, false])
        for source in list.sources {
            #expect(try SourceSpec(parsing: source.name).description == source.name)
        }
    }

    @Test func `Without a sound server the active source is the only one`() async throws {
        let list = try await SourceLookup(
            active: { [SourceRecord(state: .healthy, name: "stdin")] }, lookup: nil
        ).list()
        #expect(list == SourceList(sources: [.init(name: "stdin", description: nil, isActive: true)]))
    }

    @Test func `Requests that arrive during a lookup share its result`() async throws {
        let calls = NIOLockedValueBox(0)
        let release = DispatchSemaphore(value: 0)
        let lookup = SourceLookup(active: { [SourceRecord(state: .healthy, name: "pulse:mic")] }) {
            calls.withLockedValue { $0 += 1 }
            release.wait()
            return [Self.microphone]
        }
        let requests = (0..<16).map { _ in Task { try await lookup.list().sources.count } }
        while await lookup.waiting < requests.count { await Task.yield() }
        release.signal()
        for request in requests { #expect(try await request.value == 1) }
        #expect(calls.withLockedValue { $0 } == 1)
        // The next request asks again.
        release.signal()
        _ = try await lookup.list()
        #expect(calls.withLockedValue { $0 } == 2)
    }

    @Test func `A server that does not answer is reported as unavailable`() async throws {
        let lookup = SourceLookup(active: { [SourceRecord(state: .healthy, name: "pulse:mic")] }) {
            () throws(CaptureError) in
            throw .noServer(server: PulseAddress("unix:/s"), reason: "no answer")
        }
        let error = await #expect(throws: RPCError.self) { try await lookup.list() }
        #expect(error?.code == .unavailable)
    }
}

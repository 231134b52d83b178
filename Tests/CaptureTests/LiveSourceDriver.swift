import Capture
import Glibc
import TestSupport

/// A live source under test, with what it delivers.
final class LiveSourceDriver {
    let source: any AudioSource
    let events = EventLog()
    let ring = SampleRing(capacitySamples: 16_000 * 60)
    var log = StreamLog()
    /// Up to the last loss that was waited for.
    private var seenEvents = 0

    init(_ spec: String, signal: SignalSettings = SignalSettings(), startsPaused: Bool = false) throws {
        source = try SourceSpec(parsing: spec).makeSource(
            paced: true, startsPaused: startsPaused, signal: signal, pulseServer: nil)
        try source.start(into: ring, onEvent: events.add)
    }

    deinit { source.stop() }

    /// Waits until this many samples have arrived since the start.
    func read(samples count: Int) async throws {
        var current = log
        defer { log = current }
        try await current.read(ring, until: "\(count) samples") { $0.samples.count >= count }
    }

    /// The changes since sound first arrived: on a busy machine a writer may come late.
    var changes: [SourceEvent.State] { Array(events.changes.drop { $0 == .lost }) }

    /// Waits until exactly these changes have been reported: events come after the samples.
    func wait(for wanted: [SourceEvent.State]) async throws {
        try await eventually("the changes \(wanted)") {
            changes
        } until: {
            $0 == wanted
        }
    }

    /// The message of the last loss.
    var reason: String { events.all.last { $0.state == .lost }?.message ?? "" }

    /// Waits for a loss with a reason that contains a text, later than the loss that was waited for before.
    func waitForLoss(_ text: String) async throws {
        let isWanted = { (event: SourceEvent) in event.state == .lost && event.message?.contains(text) == true
        }
        let seen = try await eventually("a loss because \(text), later than event \(seenEvents)") {
            events.all
        } until: {
            $0.dropFirst(seenEvents).contains(where: isWanted)
        }
        seenEvents = (seen.dropFirst(seenEvents).firstIndex(where: isWanted) ?? seen.count) + 1
    }

    /// Waits until a gap with this reason has arrived.
    func read(gap reason: GapReason) async throws {
        var current = log
        defer { log = current }
        try await current.read(ring, until: "a gap: \(reason)") { $0.missing(reason) > 0 }
    }

    /// Checks that every sample of the stream was delivered once, or is in a gap.
    var isExact: Bool { log.firstMismatch == nil && log.position == ring.endPosition }
}

/// A named pipe in a test's folder.
struct TestFIFO {
    let path: String

    init(_ path: String) throws {
        self.path = path
        guard mkfifo(path, 0o600) == 0 else { throw TestFailure("mkfifo \(path): errno \(errno)") }
    }

    /// Opens the pipe for writing as soon as it has a reader.
    static func openWriter(_ path: String) async throws -> Int32 {
        try await eventually("a reader of \(path)") {
            let number = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            if number < 0 { return nil }
            _ = fcntl(number, F_SETFL, 0)
            return number
        }
    }

    func openWriter() async throws -> Int32 { try await Self.openWriter(path) }

    /// Writes as one writer, on a thread of its own, and closes the pipe.
    func write(_ bytes: [UInt8]) async throws {
        let number = try await openWriter()
        try await completes("the writer of \(path)") {
            writeAll(number, bytes)
            close(number)
        }
    }
}

/// Writes everything, waiting for the reader; gives up when there is none.
///
/// - Returns: Whether everything was written.
@discardableResult func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    signal(SIGPIPE, SIG_IGN)
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { raw in
            Glibc.write(descriptor, raw.baseAddress.map { $0 + done }, raw.count - done)
        }
        if count <= 0 { return false }
        done += count
    }
    return true
}

func bytes16(_ samples: [Int16]) -> [UInt8] {
    samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
}

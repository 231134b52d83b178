import Capture
import Glibc
import TestSupport
import Testing

/// Named pipes and Unix sockets, whose writers come and go.
@Suite(.timeLimit(.minutes(10))) struct PipeSourceTests {
    private static let second = [Int16](repeating: 1_000, count: 16_000)
    private static let level: Float = 1_000 / 32_768

    @Test func `A pipe outlives its writers, and the time between two is a gap`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        for writer in 1...3 {
            try await pipe.write(bytes16(Self.second))
            try await driver.read(samples: 16_000 * writer)
            try await eventually("the loss of writer \(writer)") {
                driver.changes
            } until: {
                $0.count == 2 * writer
            }
        }
        #expect(driver.reason == "the writer of \(pipe.path) has closed it; waiting for the next one")
        try await driver.wait(for: [.healthy, .lost, .healthy, .lost, .healthy, .lost])
        #expect(driver.log.samples == [Float](repeating: Self.level, count: 48_000))
        #expect(driver.log.gaps.count == 2 && driver.log.gaps.allSatisfy { $0.reason == .sourceLost })
        #expect(driver.isExact)
        try await completes("stop()") { [source = driver.source] in source.stop() }
    }

    @Test func `A pipe that starts paused is opened when it is resumed`() async throws {
        let folder = try TestFolder()
        let (pipe, other) = (try TestFIFO(folder.file("p")), try TestFIFO(folder.file("o")))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)", startsPaused: true)
        #expect(driver.events.states == [.paused])
        // A source that started later has opened its pipe.
        let witness = try LiveSourceDriver("pipe:\(other.path)")
        close(try await other.openWriter())
        #expect(open(pipe.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC) < 0 && errno == ENXIO, "it has a reader")
        driver.source.resume()
        try await pipe.write(bytes16(Self.second))
        try await driver.read(samples: 16_000)
        #expect(driver.events.changes.starts(with: [.paused, .recovering]))
        #expect(driver.log.gaps.isEmpty && driver.isExact)
        witness.source.stop()
    }

    @Test func `Each writer may have another format, with a header`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        var total = 0
        for (format, rate, channels) in [
            (AudioFixture.Format.wav16, 48_000, 2), (.wav24, 44_100, 1), (.au16, 8_000, 1),
            (.wavFloat, 16_000, 3),
        ] {
            let samples = AudioFixture.sine(440, rate: rate, frames: rate, channels: channels)
            try AudioFixture.write(samples, rate: rate, channels: channels, as: format, to: folder.file("s"))
            let wanted = try AudioFixture.readAll(path: folder.file("s"))
            try await pipe.write(try TestFolder.bytes(of: folder.file("s")))
            try await driver.read(samples: total + wanted.count)
            #expect(largestDifference(driver.log.samples[total...], wanted) < 1e-6, "\(rate) Hz")
            total += wanted.count
        }
        #expect(driver.log.samples.count == total)
        #expect(driver.isExact)
    }

    @Test(arguments: ["mulaw", "alaw"])
    func `G.711 at 8 kHz is decoded`(format: String) async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)?rate=8000&format=\(format)")
        try AudioFixture.write(
            AudioFixture.sine(440, rate: 8_000, frames: 8_000), rate: 8_000,
            as: format == "mulaw" ? .muLaw : .aLaw, to: folder.file("s"))
        let file = try TestFolder.bytes(of: folder.file("s"))
        try await pipe.write(Array(file.suffix(8_000)))
        try await driver.read(samples: 16_000)
        #expect(
            largestDifference(driver.log.samples, try AudioFixture.readAll(path: folder.file("s"))) < 1e-6)
    }

    @Test func `A path that is missing, of another kind or forbidden is reported until it is a pipe`()
        async throws
    {
        let folder = try TestFolder()
        let path = folder.file("p")
        let driver = try LiveSourceDriver("pipe:\(path)")
        try await driver.waitForLoss("\(path) does not exist; waiting for it")
        try folder.write("x", to: "p")
        try await driver.waitForLoss(
            "\(path) is a regular file, not a pipe or a socket: name it file:\(path)")
        unlink(path)
        #expect(mkdir(path, 0o700) == 0)
        try await driver.waitForLoss("is a folder")
        rmdir(path)
        let pipe = try TestFIFO(path)
        try await pipe.write(bytes16(Self.second))
        try await driver.read(samples: 16_000)
        try await driver.wait(for: [.healthy, .lost])
        // Nothing was captured before, so nothing is missing.
        #expect(driver.log.gaps.isEmpty && driver.isExact)
    }

    @Test func `A writer that stalls is lost after three seconds, and continues after a gap`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        let writer = try await pipe.openWriter()
        defer { close(writer) }
        writeAll(writer, bytes16(Self.second))
        try await driver.read(samples: 16_000)
        try await eventually("the loss") {
            driver.changes
        } until: {
            $0.prefix(2) == [.healthy, .lost]
        }
        #expect(driver.reason == "no bytes from \(pipe.path) for 3 seconds; waiting for its writer")
        writeAll(writer, bytes16(Self.second))
        try await driver.read(samples: 32_000)
        #expect(driver.changes.prefix(3) == [.healthy, .lost, .healthy])
        #expect(driver.log.gaps.count == 1)
        #expect(driver.log.missing(.sourceLost) > 2 * 16_000)
        #expect(driver.isExact)
    }

    @Test func `A pipe without a writer is lost after three seconds`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        try await driver.waitForLoss("no bytes from \(pipe.path)")
        #expect(driver.events.states == [.lost])
    }

    @Test func `Bytes that are not sound are refused, and the next writer is heard`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        for (bytes, reason) in [
            (Array("hello, is there anybody out there?\n".utf8), "text"),
            (
                Array("fLaC".utf8) + [UInt8](repeating: 0, count: 99_999),
                "FLAC file, which is not supported: send a WAV stream, such as `ffmpeg -i X -f wav -` writes"
            ),
            (Array("RIFF\0\0\0\0WAVEdata\0\0\0\0".utf8), "damaged"),
        ] {
            try await pipe.write(bytes)
            try await driver.waitForLoss(reason)
        }
        try await pipe.write(bytes16(Self.second))
        try await driver.read(samples: 16_000)
        #expect(driver.log.samples == [Float](repeating: Self.level, count: 16_000))
        #expect(driver.log.gaps.isEmpty && driver.isExact)
    }

    @Test func `Invalid samples become silence and are counted, at any rate`() async throws {
        for rate in [16_000, 48_000] {
            let folder = try TestFolder()
            let pipe = try TestFIFO(folder.file("p"))
            let driver = try LiveSourceDriver("pipe:\(pipe.path)?rate=\(rate)&format=f32le")
            var samples = [Float](repeating: 0.25, count: rate)
            for index in 100..<110 { samples[index] = index % 2 == 0 ? .nan : .infinity }
            try await pipe.write(samples.withUnsafeBytes { Array($0) })
            try await driver.read(samples: 16_000)
            #expect(driver.ring.unusableSamples == 10)
            #expect(driver.log.samples.allSatisfy { $0.magnitude < 1 })
        }
    }

    @Test func `One byte at a time is enough`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        let stored = (0..<320).map { Int16($0 * 100) }
        let writer = try await pipe.openWriter()
        defer { close(writer) }
        try await completes("the slow writer") {
            for byte in wavFile([stored]) {
                writeAll(writer, [byte])
                usleep(200)
            }
        }
        try await driver.read(samples: 320)
        #expect(driver.log.samples == stored.map { Float($0) / 32_768 })
        #expect(driver.log.gaps.isEmpty && driver.isExact)
    }

    @Test func `A writer that is faster than real time waits, and loses nothing`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        let stored = (0..<16_000 * 8).map { Int16(truncatingIfNeeded: $0 &* 7919) }
        let begin = SystemClock.bootNanos
        try await pipe.write(bytes16(stored))
        try await driver.read(samples: stored.count)
        #expect(driver.log.samples == stored.map { Float($0) / 32_768 })
        // Five of the eight seconds at once, the rest a quarter faster than real time; the pipe holds two.
        #expect(SystemClock.bootNanos - begin > 500_000_000)
        #expect(driver.log.gaps.isEmpty && driver.isExact)
    }

    @Test func `A pipe that is replaced while nobody writes is opened again`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        try await pipe.write(bytes16(Self.second))
        try await driver.read(samples: 16_000)
        unlink(pipe.path)
        let other = try TestFIFO(pipe.path)
        try await other.write(bytes16(Self.second))
        try await driver.read(samples: 32_000)
        #expect(driver.isExact)
    }

    @Test func `A pause closes the pipe, and leaves a gap of its own`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        let driver = try LiveSourceDriver("pipe:\(pipe.path)")
        // It does not stall, however late the test goes on, and does not fill the ring.
        let (number, sound) = (try await pipe.openWriter(), bytes16(Self.second))
        let writer = TestThread {
            var isRead = writeAll(number, sound)
            while isRead {
                usleep(100_000)
                isRead = writeAll(number, Array(sound.prefix(200)))
            }
            close(number)
        }
        try await driver.read(samples: 16_000)
        driver.source.pause()
        #expect(driver.changes == [.healthy, .paused])
        writer.join()
        try await eventually(
            "no reader",
            that: {
                let probe = open(pipe.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
                if probe >= 0 { close(probe) }
                return probe < 0
            })
        let before = driver.ring.endPosition
        driver.source.resume()
        try await pipe.write(bytes16(Self.second))
        try await driver.read(samples: Int(before) + 16_000)
        #expect(driver.changes.prefix(3) == [.healthy, .paused, .recovering])
        #expect(driver.log.gaps.count == 1 && driver.log.gaps.first?.reason == .paused)
        #expect(driver.isExact)
    }

    @Test func `A Unix socket is connected to, again and again`() async throws {
        let folder = try TestFolder()
        let path = folder.file("s")
        let driver = try LiveSourceDriver("pipe:\(path)")
        try await driver.waitForLoss("does not exist")
        for round in 1...2 {
            let server = try TestSocketServer(path)
            let client = try await server.accept()
            try await completes("the server") {
                writeAll(client, wavFile([Self.second]))
                close(client)
            }
            try await driver.read(samples: 16_000 * round)
            try await driver.waitForLoss("has closed it")
            server.stop()
            try await driver.waitForLoss("no program listens")
            unlink(path)
        }
        #expect(driver.log.gaps.count == 1 && driver.isExact)
    }

    @Test func `A forbidden pipe is reported with what to do`() async throws {
        let folder = try TestFolder()
        let pipe = try TestFIFO(folder.file("p"))
        chmod(pipe.path, 0o000)
        let path = pipe.path
        // Root may open everything; the source's thread inherits this from the one that starts it.
        let driver = try await onThread {
            TestThread.dropRootFileAccess()
            return try LiveSourceDriver("pipe:\(path)")
        }
        try await driver.waitForLoss("cannot be opened (permission denied): let the user of astd read it")
    }

    /// Runs a body on a thread of its own, whose identity it may change.
    private func onThread(_ body: @escaping @Sendable () throws -> LiveSourceDriver) async throws
        -> LiveSourceDriver
    {
        let box = DriverBox()
        let thread = TestThread { box.result = Result { try body() } }
        thread.join()
        guard let result = box.result else { throw TestFailure("the thread made no source") }
        return try result.get()
    }

    private final class DriverBox: @unchecked Sendable {
        // SAFETY: written by the thread before it is joined, read afterwards.
        var result: Result<LiveSourceDriver, any Error>?
    }
}

/// A program that listens on a Unix stream socket.
final class TestSocketServer {
    private var descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        // SAFETY: sockaddr_un begins with the members of sockaddr; the pointer does not outlive the call.
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0, listen(descriptor, 4) == 0 else { throw TestFailure("bind: errno \(errno)") }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    func accept() async throws -> Int32 {
        try await eventually("a client of the socket") { [descriptor] in
            let client = Glibc.accept(descriptor, nil, nil)
            return client < 0 ? nil : client
        }
    }

    func stop() {
        close(descriptor)
        descriptor = -1
    }
}

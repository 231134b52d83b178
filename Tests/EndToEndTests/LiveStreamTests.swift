import Glibc
import TestSupport
import Testing
import Wire

/// Pipes and commands as sources of the daemon.
@Suite(.timeLimit(.minutes(10))) struct LiveStreamTests {
    /// A writer of a named pipe, on a thread of its own.
    private static func write(_ bytes: [UInt8], to path: String) -> TestThread {
        TestThread {
            signal(SIGPIPE, SIG_IGN)
            let pipe = open(path, O_WRONLY | O_CLOEXEC)
            var done = 0
            while done < bytes.count {
                let count = bytes.withUnsafeBytes { raw in
                    Glibc.write(pipe, raw.baseAddress.map { $0 + done }, raw.count - done)
                }
                if count <= 0 { break }
                done += count
            }
            close(pipe)
        }
    }

    /// Whether a process exists and is not a zombie, which nobody may have reaped yet.
    private static func isRunning(_ identifier: Int32) -> Bool {
        let stat = (try? TestFolder.bytes(of: "/proc/\(identifier)/stat")) ?? []
        return !stat.isEmpty && !String(decoding: stat, as: UTF8.self).contains(") Z ")
    }

    @Test func `Two writers of a pipe are classified, and the time between them is a gap`() async throws {
        let folder = try TestFolder()
        let path = folder.file("p")
        #expect(mkfifo(path, 0o600) == 0)
        let daemon = try await RunningDaemon.start(["--source", "pipe:\(path)", "--hop", "0.5"], in: folder)
        let client = try daemon.listen()
        let sound = SeededClip(seed: 5).samples.prefix(16_000 * 3).map { Int16(max(-1, min(1, $0)) * 32_000) }
        let first = Self.write(wavFile([sound]), to: path)
        // On a busy machine the first writer may come late, so that another loss is reported before.
        let reason = "the writer of \(path) has closed it; waiting for the next one"
        _ = try await client.next("the loss") { $0.source?.message == reason ? true : nil }
        first.join()
        #expect(try await daemon.status().source?.message == reason)
        let second = Self.write(wavFile([sound, sound], rateHz: 16_000), to: path)
        let gap = try await client.next("the gap") { record in
            if case .gap(let gap) = record, gap.reason == .sourceLost { return gap }
            return nil
        }
        second.join()
        #expect(gap.startSample == 48_000 && gap.endSample > gap.startSample)
        // A short gap is bridged, so that a window may begin before it, or end in it.
        _ = try await client.next("a window with the second sound") { record in
            record.prediction.flatMap { $0.endSample > gap.endSample ? $0 : nil }
        }
        #expect(try await daemon.astctl("status").lines.joined().contains("pipe:\(path)"))
    }

    @Test func `A command ends with a daemon that is killed, and its password is nowhere`() async throws {
        let folder = try TestFolder()
        let marker = folder.file("pid")
        let script = try folder.write(
            "echo $$ > \(marker)\necho rtsp://u:s3cret@camera is busy >&2\nexec sleep 1000\n", to: "script")
        let source = "command:sh \(script) rtsp://u:s3cret@camera/live"
        let daemon = try await RunningDaemon.start(["--source", source], in: folder)
        let client = try daemon.listen()
        let lost = try await client.next("the loss") { $0.source?.state == .lost ? $0.source : nil }
        #expect(lost.name == "command:sh \(script) rtsp://***@camera/live")
        // After 3 seconds, or after 30 on a busy machine.
        #expect(lost.message?.hasPrefix("sh has delivered nothing for 3") == true)
        #expect(lost.message?.contains(" seconds (rtsp://***@camera is busy)") == true)
        for arguments in [["status"], ["status", "--json"], ["sources"], ["metrics"], ["reload"]] {
            let answer = try await daemon.astctl(arguments: arguments)
            #expect(!(answer.lines + answer.errorLines).joined().contains("s3cret"), "\(arguments)")
        }
        // It is replaced from time to time.
        let isRunning = {
            let text = String(decoding: try TestFolder.bytes(of: marker), as: UTF8.self)
            return Int32(text.filter(\.isNumber)).map(Self.isRunning) ?? false
        }
        try await eventually("the program", that: isRunning)
        daemon.program.kill()
        try await eventually("the end of the program", that: { try !isRunning() })
        #expect(!(try daemon.program.standardError()).contains("s3cret"))
        let check = try await Astd.run(["astd", "run", "--check-config", "--source", source], in: folder)
        #expect(check.lines.first?.contains("rtsp://***@camera/live") == true)
    }

    /// A TCP port that no program uses now.
    private static func freePort() throws -> UInt16 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), UInt32(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: sockaddr_in begins with the members of sockaddr; the pointer does not outlive the calls.
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 ? getsockname(socket, $0, &length) : -1
            }
        }
        guard result == 0 else { throw TestFailure("no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The arguments of every process on this machine.
    private static func allArguments() throws -> [String] {
        try TestFolder.names(in: "/proc").filter { $0.allSatisfy(\.isNumber) }.compactMap {
            (try? TestFolder.bytes(of: "/proc/\($0)/cmdline")).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func `The script of astd-stream@ fetches a stream whose password no process shows`() async throws {
        let folder = try TestFolder()
        let path = folder.file("p")
        #expect(mkfifo(path, 0o600) == 0)
        let daemon = try await RunningDaemon.start(["--source", "pipe:\(path)"], in: folder)
        let client = try daemon.listen()
        let port = try Self.freePort()
        let server = try ChildProcess(
            [
                "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=440:r=44100",
                "-c:a", "mp2", "-f", "mp2", "-listen", "1", "http://127.0.0.1:\(port)/live",
            ], in: folder, package: "ffmpeg")
        let address = "http://user:Pa55%40word@127.0.0.1:\(port)/live"
        // The service manager starts the script again until the server listens.
        var scripts: [ChildProcess] = []
        _ = try await eventually("sound") {
            if scripts.last.map({ $0.exitCode() != nil }) ?? true {
                scripts.append(
                    try ChildProcess(
                        [Astd.repository + "/systemd/astd-stream", path], in: folder,
                        environment: ["URL": address]))
            }
            return try await daemon.status().source?.state == .healthy ? true : nil
        } otherwise: {
            try scripts.last?.standardError()
        }
        _ = try await client.nextPrediction()
        let arguments = try Self.allArguments()
        #expect(arguments.contains { $0.hasPrefix("ffmpeg\0") && $0.contains("-f\0concat") })
        #expect(!arguments.contains { $0.contains("Pa55") })
        server.kill()
        _ = try await client.next("the loss") { $0.source?.state == .lost ? true : nil }
        for script in scripts { #expect(!(try script.standardError()).contains("Pa55")) }
    }
}

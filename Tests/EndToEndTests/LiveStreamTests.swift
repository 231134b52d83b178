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
        let loss = try await client.next("the loss") { $0.source?.state == .lost ? $0.source : nil }
        first.join()
        #expect(loss.message == "the writer of \(path) has closed it; waiting for the next one")
        #expect(try await daemon.status().source.message == loss.message)
        let second = Self.write(wavFile([sound, sound], rateHz: 16_000), to: path)
        let gap = try await client.next("the gap") { record in
            if case .gap(let gap) = record, gap.reason == .sourceLost { return gap }
            return nil
        }
        second.join()
        #expect(gap.startSample == 48_000 && gap.endSample > gap.startSample)
        // A short gap is bridged, so that a window may begin before it.
        #expect(try await client.nextPrediction().endSample > gap.endSample)
        #expect(try await daemon.astctl("status").lines.joined().contains("pipe:\(path)"))
    }

    @Test func `A command ends with a daemon that is killed, and its password is nowhere`() async throws {
        let folder = try TestFolder()
        let marker = folder.file("pid")
        let script = try folder.write(
            "echo $$ > \(marker)\necho rtsp://u:s3cret@camera is busy >&2\nexec sleep 1000\n", to: "script")
        let source = "command:sh \(script) rtsp://u:s3cret@camera/live"
        let daemon = try await RunningDaemon.start(["--source", source], in: folder)
        let child = try await eventually("the program") {
            (try? TestFolder.bytes(of: marker)).flatMap {
                Int32(String(decoding: $0, as: UTF8.self).filter(\.isNumber))
            }
        }
        let client = try daemon.listen()
        let lost = try await client.next("the loss") { $0.source?.state == .lost ? $0.source : nil }
        #expect(lost.name == "command:sh \(script) rtsp://***@camera/live")
        #expect(lost.message == "sh has delivered nothing for 3 seconds (rtsp://***@camera is busy)")
        for arguments in [["status"], ["status", "--json"], ["sources"], ["metrics"], ["reload"]] {
            let answer = try await daemon.astctl(arguments: arguments)
            #expect(!(answer.lines + answer.errorLines).joined().contains("s3cret"), "\(arguments)")
        }
        #expect(Self.isRunning(child))
        daemon.program.kill()
        try await eventually("the end of the program", that: { !Self.isRunning(child) })
        #expect(!(try daemon.program.standardError()).contains("s3cret"))
        let check = try await Astd.run(["astd", "run", "--check-config", "--source", source], in: folder)
        #expect(check.lines.first?.contains("rtsp://***@camera/live") == true)
    }
}

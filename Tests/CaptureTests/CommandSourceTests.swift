import Capture
import Glibc
import TestSupport
import Testing

/// Programs whose standard output is audio.
@Suite(.timeLimit(.minutes(10))) struct CommandSourceTests {
    /// A file with a second of sound, and the samples in it.
    private static func second(in folder: TestFolder, _ name: String = "s.wav") throws -> [Float] {
        let stored = (0..<16_000).map { Int16(truncatingIfNeeded: $0 &* 7919) }
        try folder.write(wavFile([stored]), to: name)
        return stored.map { Float($0) / 32_768 }
    }

    /// Whether a process exists and is not a zombie, which nobody may have reaped yet.
    private static func isAlive(_ identifier: Int32) -> Bool {
        let stat = (try? TestFolder.bytes(of: "/proc/\(identifier)/stat")) ?? []
        return !stat.isEmpty && !String(decoding: stat, as: UTF8.self).contains(") Z ")
    }

    @Test func `A program that ends is started again, and the time between is a gap`() async throws {
        let folder = try TestFolder()
        let wanted = try Self.second(in: folder)
        let driver = try LiveSourceDriver("command:cat '\(folder.file("s.wav"))'")
        try await driver.read(samples: 48_000)
        #expect(Array(driver.log.samples.prefix(48_000)) == wanted + wanted + wanted)
        #expect(driver.log.gaps.count >= 2 && driver.log.gaps.allSatisfy { $0.reason == .sourceLost })
        #expect(driver.reason == "cat has ended; starting it again")
        #expect(driver.log.firstMismatch == nil)
        driver.source.stop()
    }

    @Test func `The status and the last message of a program that fails are reported without passwords`()
        async throws
    {
        let script = "echo starting >&2; echo rtsp://admin:secret@h: refused >&2; exit 3"
        let driver = try LiveSourceDriver("command:sh -c '\(script)'")
        try await driver.waitForLoss("sh has ended with status 3 (rtsp://***@h: refused); starting it again")
        #expect(driver.events.all.allSatisfy { $0.message?.contains("secret") != true })
        #expect(driver.events.all.allSatisfy { !$0.name.contains("secret") })
    }

    @Test func `A program that does not exist, or sends something else, is reported`() async throws {
        let missing = try LiveSourceDriver("command:nosuchprogram -x")
        try await missing.waitForLoss("nosuchprogram is not installed, or not in $PATH")
        let folder = try TestFolder()
        let other = try LiveSourceDriver("command:\(folder.write("x", to: "x")) -x")
        try await other.waitForLoss("x cannot be started (Permission denied)")
        let text = try LiveSourceDriver("command:sh -c 'while :; do echo some text that never ends; done'")
        try await text.waitForLoss("text")
    }

    @Test func `A program that stalls is reported with its last message, then replaced`() async throws {
        let folder = try TestFolder()
        _ = try Self.second(in: folder)
        let marker = folder.file("started")
        let script = "echo $$ >> \(marker); cat \(folder.file("s.wav")); echo still here >&2; exec sleep 1000"
        let driver = try LiveSourceDriver("command:sh -c '\(script)'")
        try await driver.waitForLoss("sh has delivered nothing for 3 seconds (still here)")
        let first = try #require(Int32(try Self.lines(marker)[0]))
        // It is reported before it is replaced.
        try await driver.waitForLoss(
            "sh has delivered nothing for 10 seconds (still here); starting it again")
        try await driver.read(samples: 32_000)
        #expect(try Self.lines(marker).count >= 2)
        #expect(!Self.isAlive(first))
        #expect(driver.log.missing(.sourceLost) > 9 * 16_000)
    }

    private static func lines(_ path: String) throws -> [String] {
        String(decoding: try TestFolder.bytes(of: path), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    @Test func `Pausing and stopping end the program and what it has started`() async throws {
        let folder = try TestFolder()
        let marker = folder.file("started")
        let sound = try folder.write(bytes16([Int16](repeating: 1_000, count: 16_000)), to: "s.raw")
        // It delivers without end, so that the source is healthy when it is paused.
        let script = "sleep 1000 & echo $$ $! >> \(marker); while :; do cat \(sound); done"
        let driver = try LiveSourceDriver("command:sh -c '\(script)'")
        func processes() throws -> [Int32] {
            try Self.lines(marker).flatMap { $0.split(separator: " ").compactMap { Int32($0) } }
        }
        try await driver.read(samples: 16_000)
        driver.source.pause()
        let paused = try processes()
        #expect(paused.count == 2)
        try await eventually("the end of both", that: { paused.allSatisfy { !Self.isAlive($0) } })
        driver.source.resume()
        let all = try await eventually("another program") {
            try processes()
        } until: {
            $0.count == 4
        }
        try await driver.read(gap: .paused)
        try await completes("stop()") { [source = driver.source] in source.stop() }
        // A killed process may need a moment to end.
        try await eventually("the end of all", that: { all.allSatisfy { !Self.isAlive($0) } })
        #expect(driver.log.firstMismatch == nil)
    }

    @Test func `Real ffmpeg delivers a file of any kind`() async throws {
        let folder = try TestFolder()
        let stored = AudioFixture.sine(440, rate: 44_100, frames: 44_100, channels: 2)
        try AudioFixture.write(stored, rate: 44_100, channels: 2, as: .flac16, to: folder.file("s.flac"))
        let wanted = try AudioFixture.readAll(path: folder.file("s.flac"))
        let driver = try LiveSourceDriver(
            "command:ffmpeg -nostdin -v error -i \(folder.file("s.flac")) -f wav -")
        try await driver.read(samples: 16_000)
        #expect(largestDifference(driver.log.samples.prefix(16_000), wanted) < 1e-6)
        driver.source.stop()
    }
}

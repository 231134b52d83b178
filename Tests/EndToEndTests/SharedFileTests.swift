import Glibc
import TestSupport
import Testing

/// Files that a second daemon would write, too.
@Suite(.timeLimit(.minutes(10)))
struct SharedFileTests {
    @Test func `A second daemon leaves the metrics file of the first alone, and says so`() async throws {
        let folders = [try TestFolder(), try TestFolder()]
        let file = folders[0].file("astd.prom")
        var daemons: [RunningDaemon] = []
        for (index, folder) in folders.enumerated() {
            let silence = try SeededClip.longSilence(in: folder)
            daemons.append(
                try await RunningDaemon.start(
                    [
                        "--source", "file:\(silence)", "--hop", index == 0 ? "0.5" : "0.25",
                        "--set", "metrics.file=\(file)", "--set", "metrics.interval=1",
                    ], in: folder))
            if index == 0 { try await waitForHop("0.5", in: file) }
        }
        try await eventually("the warning of the second daemon") {
            try daemons[1].program.standardError()
        } until: {
            $0.contains("metrics: another process writes \(file), so that it is left alone")
        }
        try await waitForHop("0.5", in: file)
        // The second takes over when the first has ended, however it has ended.
        daemons[0].program.kill()
        try await waitForHop("0.25", in: file)
        try await eventually("the end of the warning") {
            try daemons[1].program.standardError()
        } until: {
            $0.contains("metrics: \(file) is written again")
        }
    }

    private func waitForHop(_ seconds: String, in file: String) async throws {
        try await eventually("metrics of the hop \(seconds)") {
            let bytes = (try? TestFolder.bytes(of: file)) ?? []
            return String(decoding: bytes, as: UTF8.self).contains("astd_hop_seconds \(seconds)\n") ? () : nil
        }
    }
}

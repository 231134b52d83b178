import Glibc
import TestSupport
import Testing

/// Rules of `notify` with a real daemon that classifies a siren.
@Suite(.timeLimit(.minutes(10)))
struct GatewayNotifyTests {
    private let folder: TestFolder
    private let gateway: TestGateway

    init() throws {
        folder = try TestFolder()
        gateway = try TestGateway(
            """
            history: {path: \(folder.file("history.sqlite"))}
            notify:
              - {name: cool, labels: [Siren], cooldown: 3600, command: [/bin/sh, -c, '\(Self.script)', \
            \(folder.file("cool"))]}
              - {name: every, labels: ['S*ren'], command: [/bin/sh, -c, '\(Self.script)', \
            \(folder.file("every"))]}
              - {name: other, labels: [Speech], command: [/bin/sh, -c, '\(Self.script)', \
            \(folder.file("other"))]}
            """, in: folder)
    }

    private static let script = #"echo "$ASTD_RULE $ASTD_LABEL $ASTD_DAEMON" >> "$0""#

    /// Plays the siren once: its only window begins the event.
    private func siren() async throws -> RunningDaemon {
        try await RunningDaemon.start(
            [
                "--source", "file:\(Astd.repository)/models/default/examples/siren.flac",
                "--wait-for-subscriber", "--set", "detection.minimum_hits=1",
            ], model: Astd.repository + "/models/default", in: folder)
    }

    private func lines(_ name: String) throws -> [String] {
        guard TestFolder.exists(folder.file(name)) else { return [] }
        return String(decoding: try TestFolder.bytes(of: folder.file(name)), as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }

    @Test func `A siren runs the programs of its rules, and a cool-down survives a killed gateway`()
        async throws
    {
        let first = try gateway.start()
        let daemon = try await siren()
        try await eventually("both programs") { try lines("cool").count == 1 && lines("every").count == 1 }
        _ = try await daemon.program.exit()
        first.kill()

        let second = try gateway.start()
        let next = try await siren()
        try await eventually("the second siren") { try lines("every").count == 2 }
        _ = try await next.program.exit()
        second.send(SIGTERM)
        let exit = try await second.exit()
        #expect(exit.code == 0, "\(exit.errorLines)")
        // The rule saw the event, and its cool-down suppressed it.
        let suppressed = exit.errorLines.filter { $0.contains("events without a notification") }
        #expect(
            suppressed.count == 1 && suppressed.allSatisfy { $0.contains("cooldown=1") }, "\(exit.errorLines)"
        )
        #expect(try lines("cool") == ["cool Siren kitchen"])
        #expect(try lines("every") == ["every Siren kitchen", "every Siren kitchen"])
        #expect(try lines("other").isEmpty)
    }
}

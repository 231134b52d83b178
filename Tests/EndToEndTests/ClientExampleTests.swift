import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// The clients in examples/clients, against a running daemon.
@Suite(.timeLimit(.minutes(10)))
struct ClientExampleTests {
    private static let folder = Astd.repository + "/examples/clients"

    @Test(arguments: ["watch.py", "watch.sh"])
    func `The README shows each example, in at most fifteen lines`(name: String) throws {
        let source = String(decoding: try TestFolder.bytes(of: "\(Self.folder)/\(name)"), as: UTF8.self)
        let readme = String(
            decoding: try TestFolder.bytes(of: Astd.repository + "/README.md"), as: UTF8.self)
        #expect(readme.contains("\n\(source)```\n"), "paste it between ```python or ```sh and ```")
        #expect(source.split(separator: "\n", omittingEmptySubsequences: false).count <= 16)
    }

    @Test func `Both examples print the records of every window and event`() async throws {
        let folder = try TestFolder()
        // The daemon receives no audio before all clients are connected: the test writes the sound into its
        // standard input.
        let pipe = folder.file("sound")
        try #require(mkfifo(pipe, 0o600) == 0)
        let writer = open(pipe, O_RDWR | O_CLOEXEC)
        try #require(writer >= 0)
        let daemon = try await RunningDaemon.start(
            [
                "--source", "stdin", "--hop", "0.1", "--set", "detection.on=0.05", "--set",
                "detection.minimum_hits=1", "--set", "detection.merge_gap=0",
            ], input: pipe, in: folder)
        let listener = try daemon.listen()
        let events = folder.file(RunningDaemon.events)
        let python = try ChildProcess(
            ["/usr/bin/python3", "\(Self.folder)/watch.py", events], in: folder, package: "python3")
        let shell = try ChildProcess(
            ["sh", "\(Self.folder)/watch.sh", events], in: folder, package: "netcat-openbsd jq")
        let control = try daemon.control()
        try await eventually("a listener, two examples and a control client") {
            try await control.status().clients
        } until: {
            $0 == 4
        }
        let sound = SeededClip.wav(SeededClip(seed: 7).samples + SeededClip(seed: 8).samples)
        try await completes("writing the sound") {
            let written = sound.withUnsafeBytes { bytes in
                // A pipe's writer waits until its reader has taken everything.
                write(writer, bytes.baseAddress, bytes.count)
            }
            #expect(written == sound.count)
            close(writer)
        }
        // The daemon ends with its input, and its clients with the daemon.
        let records = try await listener.rest()
        let (printed, extracted) = (try await python.exit(), try await shell.exit())
        #expect(printed.code == 0)
        #expect(printed.errorLines.isEmpty)
        #expect(extracted.code == 0)
        #expect(extracted.errorLines.isEmpty)

        let lines = records.compactMap { record -> String? in
            switch record {
            case .prediction(let prediction):
                let best = prediction.labels.prefix(3).map { "\($0.label) \(Self.twoDecimals($0.score))" }
                return ([prediction.time.description] + best).joined(separator: "  ")
            case .event(let event): return "\(event.time)  \(event.label)  \(event.state.rawValue)"
            default: return nil
            }
        }
        #expect(lines.count >= 60)
        #expect(printed.lines == lines)
        let starts = records.compactMap(\.event).map { "\($0.time)\t\($0.label)\t\($0.state.rawValue)\t" }
        #expect(starts.count >= 2)
        try #require(extracted.lines.count == starts.count)
        for (line, start) in zip(extracted.lines, starts) { #expect(line.hasPrefix(start)) }
    }

    private static func twoDecimals(_ score: Float) -> String {
        FixedDecimals.text(Double(score), decimals: 2) ?? "?"
    }
}

/// Permissions of the sockets.
@Suite(.timeLimit(.minutes(10)), .enabled(if: geteuid() == 0, "only root can become another user"))
struct PermissionTests {
    /// Connects as user nobody with this group; returns `connected` or the name of the error.
    private func connect(_ path: String, group: gid_t, in folder: TestFolder) async throws -> [String] {
        let program = """
            import errno, socket, sys
            connection = socket.socket(socket.AF_UNIX)
            code = connection.connect_ex(sys.argv[1])
            print("connected" if code == 0 else errno.errorcode[code])
            """
        let command = [
            "setpriv", "--reuid=65534", "--regid=\(group)", "--clear-groups", "/usr/bin/python3", "-c",
            program,
            path,
        ]
        return try await ChildProcess(command, in: folder, package: "util-linux").exit().lines
    }

    @Test func `The group may connect to both sockets, others only to events.sock and only with mode 0666`()
        async throws
    {
        let folder = try TestFolder()
        let source = "file:\(try SeededClip.longSilence(in: folder))"
        chmod(folder.path, 0o755)
        for mode in ["0660", "0666"] {
            let daemon = try await RunningDaemon.start(
                ["--source", source, "--set", "events_mode=\(mode)"], in: folder)
            for name in [RunningDaemon.control, RunningDaemon.events] {
                let path = folder.file(name)
                var status = stat()
                try #require(lstat(path, &status) == 0)
                #expect(try await connect(path, group: status.st_gid, in: folder) == ["connected"])
                let isForAll = name == RunningDaemon.events && mode == "0666"
                let other = try await connect(path, group: 65_534, in: folder)
                #expect(other == [isForAll ? "connected" : "EACCES"], "\(name) \(mode)")
            }
            daemon.program.kill()
        }
    }
}

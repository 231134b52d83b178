import Glibc
import TestSupport

/// A program that a test started, its output in files of the test's folder; killed when the test forgets it.
final class Program {
    let identifier: pid_t
    private let name: String
    private let folder: TestFolder
    private let stem: String
    private var isGone = false

    /// How a program ended and what it said.
    struct Ending {
        /// The exit code, or 128 and the signal's number, as shells count.
        let code: Int32
        let output: [UInt8]
        let errors: [UInt8]

        /// The lines of standard output.
        var lines: [String] { text(output) }
        /// The lines of standard error.
        var complaints: [String] { text(errors) }

        private func text(_ bytes: [UInt8]) -> [String] {
            bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// - Parameters:
    ///   - command: The program, a path or a name found in PATH, and its arguments.
    ///   - folder: What is home and runtime directory to the program, and keeps its output.
    ///   - environment: What is added to the test's own environment.
    ///   - package: The system package that has the program, for the message when it is missing.
    init(
        _ command: [String], in folder: TestFolder, environment: [String: String] = [:],
        package: String? = nil
    ) throws {
        name = command[0]
        self.folder = folder
        stem = "run-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder.file("\(stem).out"), flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder.file("\(stem).err"), flags, 0o600)
        // Other tests run beside this one: their pipes and sockets are none of the program's business.
        for descriptor: Int32 in 3..<256 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var arguments = command.map { strdup($0) } + [nil]
        var variables = Self.environment(folder, environment).map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        // Whoever started the tests may ignore Ctrl-C; the program is to begin as in a terminal.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // Dispatch blocks signals on its threads, and one of them may be the one that starts the program.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let failure = posix_spawnp(&child, command[0], &actions, &attributes, &arguments, &variables)
        guard failure == 0 else {
            let reason = String(cString: strerror(failure))
            let advice = package.map { ": apt-get install \($0)" } ?? ""
            throw TestFailure("\(command[0]) could not be started (\(reason))\(advice)")
        }
        identifier = child
    }

    deinit { kill() }

    func send(_ signal: Int32) { if !isGone { Glibc.kill(identifier, signal) } }

    /// Ends the program at once and waits for that.
    func kill() {
        guard !isGone else { return }
        Glibc.kill(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        isGone = true
    }

    /// Waits until the program has ended by itself.
    func ending() async throws -> Ending {
        let code: Int32
        do {
            code = try await eventually("the end of \(name)") { poll() }
        } catch {
            throw TestFailure("\(error); it said: \(try said())")
        }
        return Ending(code: code, output: try bytes("out"), errors: try bytes("err"))
    }

    /// The exit code when the program has ended.
    func poll() -> Int32? {
        var status: Int32 = 0
        guard !isGone, waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
        isGone = true
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// What it wrote to standard error so far.
    func said() throws -> String { String(decoding: try bytes("err"), as: UTF8.self) }

    private func bytes(_ suffix: String) throws -> [UInt8] {
        try TestFolder.bytes(of: folder.file("\(stem).\(suffix)"))
    }

    /// The test's own environment, without what would lead to the user's own servers and daemons.
    private static func environment(_ folder: TestFolder, _ added: [String: String]) -> [String] {
        // Not the settings of the machine that the tests run on, either.
        let own = [
            "HOME": folder.path, "XDG_RUNTIME_DIR": folder.path, "LC_ALL": "C", "ASTD_CONFIG": "/dev/null",
        ]
        let added = own.merging(added) { $1 }
        var all = added.map { "\($0.key)=\($0.value)" }
        var index = 0
        while let entry = environ[index] {
            let variable = String(cString: entry)
            let name = String(variable.prefix { $0 != "=" })
            let isForeign = ["PULSE_", "ASTD_", "XDG_", "NOTIFY_", "LISTEN_"].contains { name.hasPrefix($0) }
            if added[name] == nil && !isForeign { all.append(variable) }
            index += 1
        }
        return all
    }
}

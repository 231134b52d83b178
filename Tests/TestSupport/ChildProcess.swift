private import Glibc

/// A program that a test started; killed when the last reference is released.
///
/// Standard output and standard error go to files in the test's folder, so that no program waits for a
/// reader.
package final class ChildProcess {
    package let identifier: Int32
    private let name: String
    private let folder: TestFolder
    private let stem: String
    private var hasExited = false

    /// An exit status and the output up to it.
    package struct Exit {
        /// The exit code, or 128 plus the signal's number, as shells count.
        package let code: Int32
        package let output: [UInt8]
        package let errors: [UInt8]

        /// The lines of standard output.
        package var lines: [String] { text(output) }
        /// The lines of standard error.
        package var errorLines: [String] { text(errors) }

        private func text(_ bytes: [UInt8]) -> [String] {
            bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// - Parameters:
    ///   - command: The program, a path or a name found in PATH, and its arguments.
    ///   - folder: The program's home and runtime directory, which also receives its output.
    ///   - environment: Added to the test's own environment.
    ///   - input: The file that is standard input.
    ///   - package: The system package that contains the program, for the message when it is missing.
    package init(
        _ command: [String], in folder: TestFolder, environment: [String: String] = [:],
        input: String = "/dev/null", package: String? = nil
    ) throws {
        name = command[0]
        self.folder = folder
        stem = "run-" + String(UInt32.random(in: 0...UInt32.max), radix: 36)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder.file("\(stem).out"), flags, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder.file("\(stem).err"), flags, 0o600)
        // Tests run in parallel: the pipes and sockets of the others must not stay open in this program.
        for descriptor: Int32 in 3..<1024 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var arguments = command.map { strdup($0) } + [nil]
        var variables = Self.environment(folder, environment).map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        // The tests may have been started with SIGINT ignored; the program starts as on a terminal.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // Dispatch blocks signals on its threads, and the program would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let failure = posix_spawnp(&child, command[0], &actions, &attributes, &arguments, &variables)
        guard failure == 0 else {
            let reason = String(cString: strerror(failure))
            let advice = package.map { ": apt-get install \($0)" } ?? ""
            throw TestFailure("cannot start \(command[0]) (\(reason))\(advice)")
        }
        identifier = child
    }

    deinit { kill() }

    package func send(_ signal: Int32) { if !hasExited { Glibc.kill(identifier, signal) } }

    /// Kills the program and waits for its end.
    package func kill() {
        guard !hasExited else { return }
        Glibc.kill(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        hasExited = true
    }

    /// Waits until the program has exited by itself.
    package func exit() async throws -> Exit {
        let code = try await eventually("the exit of \(name)") {
            exitCode()
        } otherwise: {
            "a running process with this standard error: \(try standardError())"
        }
        return Exit(code: code, output: try bytes("out"), errors: try bytes("err"))
    }

    /// The exit code when the program has exited since the last call; `nil` while it runs.
    package func exitCode() -> Int32? {
        var status: Int32 = 0
        guard !hasExited, waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
        hasExited = true
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// The text that the program has written to standard error so far.
    package func standardError() throws -> String { String(decoding: try bytes("err"), as: UTF8.self) }

    /// The text that the program has written to standard output so far.
    package func standardOutput() throws -> String { String(decoding: try bytes("out"), as: UTF8.self) }

    private func bytes(_ suffix: String) throws -> [UInt8] {
        try TestFolder.bytes(of: folder.file("\(stem).\(suffix)"))
    }

    /// The test's own environment without the variables that lead to the user's servers, daemons and
    /// settings.
    private static func environment(_ folder: TestFolder, _ added: [String: String]) -> [String] {
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

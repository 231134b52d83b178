import Glibc
import TestSupport

/// A program started by a test; killed when the test forgets it.
final class ChildProcess {
    let identifier: pid_t
    private var isGone = false

    /// - Parameters:
    ///   - arguments: The program, found in PATH, and its arguments.
    ///   - environment: What is added to the test's own environment.
    ///   - package: The system package that has the program, for the message when it is missing.
    init(_ arguments: [String], environment: [String: String] = [:], package: String) throws {
        var cArguments: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        var index = 0
        while let entry = environ[index] {
            let variable = String(cString: entry)
            let isReplaced = environment.keys.contains { variable.hasPrefix("\($0)=") }
            if !isReplaced { variables.append(strdup(variable)) }
            index += 1
        }
        variables.append(nil)
        defer { for text in cArguments + variables { free(text) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for output: Int32 in [1, 2] {
            posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0)
        }
        var child: pid_t = 0
        let failure = posix_spawnp(&child, arguments[0], &actions, nil, &cArguments, &variables)
        guard failure == 0 else {
            throw TestFailure("\(arguments[0]) could not be started: install it (apt-get install \(package))")
        }
        identifier = child
    }

    deinit { end() }

    func send(_ signal: Int32) { if !isGone { kill(identifier, signal) } }

    /// Kills it and waits for its end.
    func end() {
        if isGone { return }
        kill(identifier, SIGKILL)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        isGone = true
    }

    /// Waits until it has ended by itself.
    ///
    /// - Returns: Whether it did in time and successfully.
    func wait(seconds: Double) -> Bool {
        let deadline = monotonicSeconds() + seconds
        while monotonicSeconds() < deadline {
            var status: Int32 = 0
            if waitpid(identifier, &status, WNOHANG) == identifier {
                isGone = true
                return status == 0
            }
            usleep(10_000)
        }
        return false
    }
}

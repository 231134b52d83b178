private import Glibc

/// Standard input, output and error of a process that was started without one of them (`astd - <&-`).
public enum StandardDescriptors {
    /// Occupies their numbers, so that no file that is opened later is read as standard input or written to
    /// as standard output. What is done with an occupied one fails like with a closed one.
    ///
    /// Called at the start of a program, before it opens anything.
    public static func occupy() {
        let modes = [STDIN_FILENO: O_WRONLY, STDOUT_FILENO: O_RDONLY, STDERR_FILENO: O_RDONLY]
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = open("/dev/null", modes[descriptor] ?? O_RDWR)
        }
    }
}

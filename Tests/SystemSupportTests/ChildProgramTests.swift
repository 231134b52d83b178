import Glibc
import SystemSupport
import Testing

@Suite struct ChildProgramTests {
    private static let limits = ChildProgram.Limits(cpuSeconds: 60, addressBytes: 1 << 30, openFiles: 64)

    private static func start(_ script: String, input: Int32 = 0) throws -> ChildProgram {
        try ChildProgram(
            path: "/bin/sh", arguments: ["-c", script], environment: ["PATH=/usr/bin:/bin"], input: input,
            limits: limits)
    }

    /// Everything that it writes on its output and among its messages.
    private static func text(_ child: ChildProgram) -> (output: String, errors: String) {
        var (output, errors): ([UInt8], [UInt8]) = ([], [])
        var block = [UInt8](repeating: 0, count: 1000)
        while true {
            switch child.wait(milliseconds: 60_000) {
            case .errors: errors += child.readErrors() ?? []
            case .nothing: return ("nothing came for a minute", "")
            case .output:
                let count = block.withUnsafeMutableBytes { bytes in
                    bytes.baseAddress.map { child.readOutput(into: $0, count: bytes.count) } ?? 0
                }
                if count <= 0 {
                    return (String(decoding: output, as: UTF8.self), String(decoding: errors, as: UTF8.self))
                }
                output += block[..<count]
            }
        }
    }

    @Test func `A program has its output, its messages and its exit status`() throws {
        let child = try Self.start("echo result; echo warned >&2; exit 7")
        let (output, errors) = Self.text(child)
        #expect(output == "result\n")
        #expect(errors == "warned\n" || errors.isEmpty, "the end of the output may be seen first")
        #expect(child.exit(milliseconds: 60_000) == .status(7))
    }

    @Test func `A program gets no descriptor but its streams, however it was opened`() throws {
        // Without FD_CLOEXEC, and beyond what a program expects.
        let leaked = open("/dev/null", O_RDONLY)
        let far = fcntl(leaked, F_DUPFD, 500)
        defer {
            close(leaked)
            close(far)
        }
        let child = try Self.start("cd /proc/self/fd && echo *")
        // The shell opens the folder as 3 to list it.
        #expect(["0 1 2\n", "0 1 2 3\n"].contains(Self.text(child).output))
    }

    @Test func `A program has limits, and cannot write files`() throws {
        let child = try Self.start("ulimit -t; ulimit -v; ulimit -n; ulimit -c; ulimit -f")
        #expect(Self.text(child).output == "60\n1048576\n64\n0\n0\n")
    }

    @Test func `A program runs in a session of its own, with no signal ignored or blocked`() throws {
        signal(SIGPIPE, SIG_IGN)
        let child = try Self.start("grep -E '^Sig(Blk|Ign)' /proc/self/status; ps -o sid= -p $$; echo $$")
        let lines = Self.text(child).output.split(separator: "\n").map { $0.filter { !$0.isWhitespace } }
        let masks = lines.prefix(2).map { UInt64($0.drop { $0 != ":" }.dropFirst(), radix: 16) }
        // Signals 32 and 33 belong to the C library, which lets no program set them.
        #expect(masks.map { $0.map { $0 & ~0x1_8000_0000 } } == [0, 0])
        #expect(lines.count == 4 && lines[2] == lines[3])
    }

    @Test func `A program that is dropped is killed and leaves no zombie`() throws {
        var child: ChildProgram? = try Self.start("echo ready; exec sleep 1000")
        let identifier = try #require(child?.identifier)
        #expect(child?.wait(milliseconds: 60_000) == .output)
        child = nil
        #expect(access("/proc/\(identifier)", F_OK) != 0)
    }

    @Test func `A program that does not exist is an error`() {
        #expect(throws: ChildError.self) {
            try ChildProgram(
                path: "/nothing/ffmpeg", arguments: [], environment: [], input: 0, limits: Self.limits)
        }
        let found: ChildError? = {
            do throws(ChildError) {
                _ = try ChildProgram(
                    path: "/etc/passwd", arguments: [], environment: [], input: 0, limits: Self.limits)
                return nil
            } catch { return error }
        }()
        #expect(found?.isNoProgram == true)
    }
}

import Glibc
import TestSupport

/// A wall clock of one program, in a zone of its own; other clocks and programs keep theirs.
///
/// The program preloads `tools/faults/clock.c`, which adds the seconds in a file that it maps.
final class FalseClock {
    /// The variables of the program.
    let environment: [String: String]
    private let file: Int32

    /// - Parameter zone: As in `TZ`.
    init(zone: String, in folder: TestFolder) async throws {
        let (library, shift) = (folder.file("clock.so"), folder.file("clock"))
        let source = Astd.repository + "/tools/faults/clock.c"
        let compiler = try ChildProcess(
            ["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], in: folder, package: "gcc")
        let result = try await compiler.exit()
        guard result.code == 0 else { throw TestFailure("cc failed: \(result.errorLines)") }
        file = open(shift, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0, ftruncate(file, 8) == 0 else { throw TestFailure("no \(shift): errno \(errno)") }
        environment = ["LD_PRELOAD": library, "CLOCK_SHIFT": shift, "TZ": zone]
    }

    deinit { close(file) }

    /// Sets the clock, which then goes on.
    ///
    /// - Parameter time: Seconds since 1970.
    func set(_ seconds: Int) {
        var shift = Int64(seconds - time(nil))
        // Written in place, because the program has mapped the file.
        let count = pwrite(file, &shift, MemoryLayout.size(ofValue: shift), 0)
        precondition(count == MemoryLayout.size(ofValue: shift))
    }
}

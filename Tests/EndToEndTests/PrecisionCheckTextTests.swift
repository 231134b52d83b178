import TestSupport
import Testing
import TextSupport
import Wire

/// What users see of the comparison of int8 with fp32.
@Suite(.timeLimit(.minutes(10)), .enabled(if: Astd.computesInt8))
struct PrecisionCheckTextTests {
    private static let differences = "int8: int8 differs from fp32 by up to "

    @Test func `inspect shows the differences, the limits and the precision in use`() async throws {
        let folder = try TestFolder()
        let text = try await Astd.run(["astd", "inspect", Astd.model], in: folder)
        #expect(text.code == 0)
        let line = try #require(text.lines.first { $0.hasPrefix("precision ") })
        #expect(line.contains("  " + Self.differences) && line.contains("(limit 0.5)"), "\(line)")
        let result = try await Astd.run(["astd", "inspect", Astd.model, "--json"], in: folder)
        let json = try JSONObject(parsing: result.output)
        #expect(try json.requiredString("precision") == "int8")
        let check = try json.requiredObject("int8_check")
        #expect(try check.requiredDouble("largest_difference") < check.requiredDouble("difference_limit"))
        #expect(try check.requiredDouble("relative_error") < check.requiredDouble("relative_limit"))
    }

    @Test func `selftest compares the model that is named`() async throws {
        let folder = try TestFolder()
        let result = try await Astd.run(["astd", "selftest", "--model", Astd.model], in: folder)
        #expect(result.code == 0)
        #expect(result.lines.count == 1 && result.lines[0].contains(": " + Self.differences))
        let missing = try await Astd.run(["astd", "selftest", "--model", folder.file("none")], in: folder)
        #expect(missing.code == 66)
    }

    @Test func `status shows the comparison`() async throws {
        let folder = try TestFolder()
        let daemon = try await RunningDaemon.start(
            ["--source", "file:" + Astd.clip, "--fast", "--wait-for-subscriber"], in: folder)
        let status = try await daemon.status()
        #expect(status.precision == "int8")
        #expect(status.precisionCheck?.hasPrefix("int8 differs from fp32 by up to ") == true)
    }
}

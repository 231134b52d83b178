import Glibc
import TestSupport
import Testing
import TextSupport

/// `astd-gateway review` and `export` with a real daemon that keeps clips.
@Suite(.timeLimit(.minutes(10)))
struct GatewayReviewTests {
    private let folder: TestFolder
    private let gateway: TestGateway

    init() throws {
        folder = try TestFolder()
        gateway = try TestGateway(
            "history: {path: \(folder.file("h.sqlite")), clips: [\(folder.file("clips"))]}", in: folder)
    }

    @Test func `A reviewed event's clip is exported under its label`() async throws {
        mkdir(folder.file("clips"), 0o700)
        let daemon = try await RunningDaemon.startWithOneEvent(
            settings: "clips: {directory: \(folder.file("clips")), maximum_seconds: 1}", in: folder)
        let running = try gateway.start()
        let begun = try await eventually("an event", { try await gateway.records("events") }) {
            $0.count == 1
        }
        let id = try begun[0].requiredString("id")
        #expect(try await daemon.astctl("pause").code == 0)
        let listed = try await eventually("its clip", { try await gateway.records("review") }) {
            try $0.first?.string("clip") != nil
        }
        #expect(try listed.map { try $0.requiredString("id") } == [id])
        #expect(try listed[0].string("review") == nil)

        let reviewed = try await gateway.run("review", id, "--as", "Smoke/detector")
        #expect(reviewed.code == 0 && reviewed.lines == ["reviewed 1 event"], "\(reviewed.errorLines)")
        #expect(try await gateway.records("review").isEmpty)
        let event = try #require(try await gateway.records("events").first)
        #expect(try event.string("review") == "other" && event.string("review_label") == "Smoke/detector")
        let unknown = try await gateway.run("review", "none-1", "--right")
        #expect(unknown.code == 1 && unknown.errorLines == ["astd-gateway: no event none-1 in the history"])
        #expect(try await gateway.run("review", id).code == 64)
        #expect(try await gateway.run("review", "--right").code == 64)
        #expect(try await gateway.run("review", id, "--right", "--wrong").code == 64)

        running.send(SIGTERM)
        #expect(try await running.exit().code == 0)
        daemon.program.kill()
        let refused = try await gateway.run("review", id, "--right")
        #expect(refused.code == 1 && refused.errorLines.first?.contains("no gateway answers") == true)
        // The history can be read and exported without a gateway.
        let out = folder.file("out")
        for text in ["1 clip exported; 1 label", "0 clips exported, 1 there already; 1 label"] {
            let exit = try await gateway.run("export", "--reviewed", out)
            #expect(exit.code == 0 && exit.lines == [text], "\(exit.errorLines)")
        }
        let name = try #require(try event.string("clip")?.split(separator: "/").last)
        let copy = try TestFolder.bytes(of: "\(out)/Smoke%2Fdetector/\(name)")
        #expect(try copy == TestFolder.bytes(of: "\(folder.file("clips"))/\(name)") && copy.count > 44)
        let none = try await gateway.run("export", "--reviewed", out, "--clips", folder.file("none"))
        #expect(none.code == 1 && none.errorLines.first?.contains("No such file or directory") == true)
    }
}

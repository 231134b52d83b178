import Glibc
import SystemSupport
import TestSupport
import Testing
import TextSupport
import Wire

@testable import Daemon

/// Pauses that clients request, over restarts.
@Suite struct PauseRegisterTests {
    private static func time(_ minute: Int) -> Timestamp {
        Timestamp(unixNanos: Int64(minute) * 60_000_000_000)
    }

    @Test func `A pause of all holds for every source, until all or the last of them are resumed`() {
        var pauses = RequestedPauses()
        pauses.pause(nil, at: Self.time(1))
        pauses.pause(nil, at: Self.time(2))
        #expect(pauses.since(nil) == Self.time(1) && pauses.since("added later") == Self.time(1))
        pauses.resume("garden", present: ["garden", "door"])
        #expect(pauses.since("garden") == nil && pauses.since("door") == Self.time(1))
        pauses.pause("garden", at: Self.time(3))
        #expect(pauses.since("garden") == Self.time(3))
        // One that was paused before all is paused since then.
        pauses.pause(nil, at: Self.time(4))
        #expect(pauses.since("garden") == Self.time(3) && pauses.since("door") == Self.time(1))
        pauses.resume("garden", present: ["garden", "door"])
        pauses.resume("door", present: ["garden", "door"])
        #expect(pauses.isEmpty && pauses.since("added later") == nil)
        pauses.pause("door", at: Self.time(5))
        #expect(pauses.since("door") == Self.time(5) && pauses.since("garden") == nil)
        pauses.resume(nil, present: ["garden", "door"])
        #expect(pauses == RequestedPauses())
    }

    @Test func `A pause of a source holds for its channels, until it or the last of them is resumed`() {
        let present = ["yard/left", "yard/right", "door"]
        var pauses = RequestedPauses()
        pauses.pause("yard", at: Self.time(1))
        #expect(pauses.since("yard/left") == Self.time(1) && pauses.since("yard") == Self.time(1))
        #expect(pauses.since("door") == nil)
        pauses.resume("yard/left", present: present)
        #expect(pauses.since("yard/left") == nil && pauses.since("yard/right") == Self.time(1))
        pauses.pause("yard", at: Self.time(2))
        #expect(pauses.since("yard/left") == Self.time(1))
        for name in ["yard/left", "yard/right"] { pauses.resume(name, present: present) }
        #expect(pauses.isEmpty && pauses.since("yard") == nil)

        pauses.pause("yard/left", at: Self.time(3))
        pauses.resume("yard", present: present)
        #expect(pauses.isEmpty)
        pauses.pause(nil, at: Self.time(4))
        pauses.resume("yard", present: present)
        #expect(pauses.since("yard/right") == nil && pauses.since("door") == Self.time(4))
        pauses.pause("yard/right", at: Self.time(5))
        #expect(pauses.since("yard/left") == nil && pauses.since("yard/right") == Self.time(5))
    }

    @Test func `What is paused is read back as it was written`() throws {
        var pauses = RequestedPauses()
        for name in ["garden", "door"] { pauses.pause(name, at: Self.time(1)) }
        pauses.pause(nil, at: Self.time(2))
        pauses.resume("door", present: ["garden", "door"])
        let text = String(decoding: pauses.encoded(), as: UTF8.self)
        #expect(
            text == #"{"all":"1970-01-01T00:02:00.000Z","resumed":["door"],"#
                + #""sources":{"garden":"1970-01-01T00:01:00.000Z"}}"# + "\n")
        #expect(try RequestedPauses(JSONObject(parsing: Array(text.utf8))) == pauses)
        for text in [
            "", "{", "[]", #"{"all":1}"#, #"{"all":"soon"}"#, #"{"sources":{"a":"x"}}"#, #"{"x":1}"#,
        ] {
            #expect(throws: JSONError.self) { try RequestedPauses(JSONObject(parsing: Array(text.utf8))) }
        }
    }

    @Test func `A restart finds the pauses; once they are resumed the file is gone`() throws {
        let folder = try TestFolder()
        let directory = folder.file("a/b/astd")
        var register: PauseRegister? = PauseRegister(directory: directory)
        #expect(register?.request(of: nil) == nil && register?.store() == nil)
        #expect(!TestFolder.exists(directory), "nothing is created before it is needed")
        register?.pause("garden")
        #expect(register?.store() == nil)
        let request = try #require(register?.request(of: "garden"))
        #expect(!request.isFromBefore && request.message() == "nothing is recorded until `astctl resume`")
        #expect(try TestFolder.names(in: directory) == ["pauses.json"])

        register = nil
        register = PauseRegister(directory: directory)
        let restored = try #require(register?.request(of: "garden"))
        // The file has milliseconds.
        #expect(restored.isFromBefore && restored.since.description == request.since.description)
        #expect(register?.request(of: "door") == nil && register?.problem == nil)
        register?.resume("garden", present: ["garden", "door"])
        #expect(register?.store() == nil && register?.request(of: "garden") == nil)
        #expect(try TestFolder.names(in: directory).isEmpty)
        // Another pause is one of this run.
        register?.pause("garden")
        #expect(register?.request(of: "garden")?.isFromBefore == false)
    }

    @Test func `The message has the time of the request in local time`() {
        let request = RequestedPause(
            since: Timestamp(unixNanos: 1_800_000_000 * 1_000_000_000), isFromBefore: true)
        #expect(
            request.message(zone: .offset(5400))
                == "before the restart, since 2027-01-15 09:30; nothing is recorded until `astctl resume`")
    }

    @Test(arguments: ["", "{\"all\":", "\0\0\0\0", "{\"paused\":true}"])
    func `A damaged file means paused, and says why, until somebody resumes`(text: String) throws {
        let folder = try TestFolder()
        try folder.write(text, to: "pauses.json")
        var register: PauseRegister? = PauseRegister(directory: folder.path)
        for name in [nil, "garden"] {
            let message = register?.request(of: name)?.message() ?? ""
            #expect(message.hasPrefix("cannot read \(folder.path)/pauses.json: "), "\(message)")
            #expect(message.hasSuffix("; nothing is recorded until `astctl resume`"))
        }
        register?.pause("garden")
        #expect(register?.store() == nil)
        register = nil
        // Readable now, and still paused.
        register = PauseRegister(directory: folder.path)
        #expect(register?.problem == nil && register?.request(of: "door")?.isFromBefore == true)
        register?.resume(nil, present: [])
        #expect(register?.store() == nil && register?.request(of: nil) == nil)
        #expect(!TestFolder.exists(folder.file("pauses.json")))
    }

    @Test func `A file that is a folder cannot be read, and means paused`() throws {
        let folder = try TestFolder()
        #expect(mkdir(folder.file("pauses.json"), 0o700) == 0)
        let register = PauseRegister(directory: folder.path)
        #expect(register.request(of: nil)?.message().contains("Is a directory") == true)
        register.resume(nil, present: [])
        #expect(register.store()?.contains("cannot remove \(folder.path)/pauses.json") == true)
    }

    @Test func `A pause that cannot be written is reported each time, and holds until the end`() throws {
        let folder = try TestFolder()
        // A path through a file: not even root can create it.
        let file = try folder.write("", to: "file")
        let register = PauseRegister(directory: file + "/astd")
        #expect(register.problem == nil || register.problem?.contains("Not a directory") == true)
        register.resume(nil, present: [])
        for _ in 0..<2 {
            register.pause(nil)
            #expect(register.store() == "cannot create \(file)/astd: Not a directory")
        }
        #expect(register.request(of: nil) != nil)
        let homeless = PauseRegister(directory: nil)
        homeless.pause(nil)
        #expect(homeless.store()?.contains("set state_dir") == true && homeless.request(of: nil) != nil)
        homeless.resume(nil, present: [])
        #expect(homeless.store() == nil, "nothing to write")
    }

    @Test func `A second daemon with the same directory cannot end the pauses of the first`() throws {
        let folder = try TestFolder()
        let first = PauseRegister(directory: folder.path)
        first.pause(nil)
        #expect(first.store() == nil)
        let second = PauseRegister(directory: folder.path)
        #expect(second.request(of: nil) != nil)
        second.resume(nil, present: [])
        #expect(second.store()?.hasPrefix("another astd keeps its pauses in \(folder.path)") == true)
        #expect(PauseRegister(directory: folder.path).request(of: nil) != nil)
        withExtendedLifetime(first) {}
    }
}

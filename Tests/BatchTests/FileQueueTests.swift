import Batch
import Glibc
import TestSupport
import Testing

@Suite struct FileQueueTests {
    /// The items of a queue, with paths relative to the folder.
    private static func items(_ folder: TestFolder, _ paths: [String], list: String? = nil) -> [String] {
        FileQueue(paths: paths.map { $0 == "-" ? $0 : folder.file($0) }, listPath: list.map(folder.file))
            .map { item in
                switch item {
                case .file(let path): String(path.trimmingPrefix(folder.path + "/"))
                case .unreadable(let path, let reason):
                    "\(path.trimmingPrefix(folder.path + "/")): \(reason)"
                }
            }
    }

    private static func folder(_ files: [String]) throws -> TestFolder {
        let folder = try TestFolder()
        for file in files { try folder.write("x", to: file) }
        return folder
    }

    @Test func `A directory is replaced by the audio files in and below it, sorted`() throws {
        let folder = try Self.folder([
            "d/b.wav", "d/a.wav", "d/B.WAV", "d/10.flac", "d/9.flac", "d/c.txt", "d/README", "d/.hidden.ogg",
            "d/sub/z.mp3", "d/sub/deeper/y.Opus", "d/asub.wav/x.aiff", "d/e.tar.wav", "d/wav",
        ])
        let wanted = [
            ".hidden.ogg", "10.flac", "9.flac", "B.WAV", "a.wav", "asub.wav/x.aiff", "b.wav", "e.tar.wav",
            "sub/deeper/y.Opus", "sub/z.mp3",
        ].map { "d/" + $0 }
        #expect(Self.items(folder, ["d"]) == wanted)
        #expect(Self.items(folder, ["d/"]) == wanted, "the slash is not doubled")
    }

    @Test func `Files that are named directly are kept whatever their extension, in the given order`() throws
    {
        let folder = try Self.folder(["b.txt", "a", "d/x.wav"])
        #expect(
            Self.items(folder, ["b.txt", "d", "a", "-", "b.txt", "absent.wav"]) == [
                "b.txt", "d/x.wav", "a", "-", "b.txt", "absent.wav",
            ])
        #expect(Self.items(folder, []) == [])
    }

    @Test func `Every common audio extension is found in a directory, and no other`() throws {
        let kinds = [
            "wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "caf", "w64", "rf64",
        ]
        let folder = try Self.folder((kinds + ["txt", "jpg", "json", "m3u", "npy"]).map { "d/x.\($0)" })
        #expect(Set(Self.items(folder, ["d"])) == Set(kinds.map { "d/x.\($0)" }))
    }

    @Test func `Links to files are followed; links to directories only when they are named`() throws {
        let folder = try Self.folder(["d/a.wav", "d/sub/b.wav", "outside/c.wav"])
        try folder.link("d/link.wav", to: folder.file("outside/c.wav"))
        try folder.link("d/loop", to: folder.file("d"))
        try folder.link("d/sub/up", to: "..")
        try folder.link("d/out", to: folder.file("outside"))
        try folder.link("d/dangling.wav", to: folder.file("absent"))
        #expect(Self.items(folder, ["d"]) == ["d/a.wav", "d/dangling.wav", "d/link.wav", "d/sub/b.wav"])
        #expect(Self.items(folder, ["d/out"]) == ["d/out/c.wav"], "a named link is followed")
    }

    @Test func `A list has one path per line and follows the paths that are named`() throws {
        let folder = try Self.folder(["a.wav", "d/b.wav", "named.wav"])
        let lines = [folder.file("a.wav"), "", folder.file("d"), folder.file("with space.wav") + "\r", "-"]
        try folder.write(lines.joined(separator: "\n"), to: "list")
        #expect(
            Self.items(folder, ["named.wav"], list: "list")
                == ["named.wav", "a.wav", "d/b.wav", "with space.wav", "-"])
        try folder.write("\n\r\n\n", to: "empty")
        #expect(Self.items(folder, [], list: "empty") == [])
    }

    @Test func `A list that cannot be read is reported once, after the paths that are named`() throws {
        let folder = try Self.folder(["a.wav"])
        #expect(
            Self.items(folder, ["a.wav"], list: "absent") == ["a.wav", "absent: No such file or directory"])
        try folder.write("a.wav\n", to: "lists/list")
        #expect(Self.items(folder, ["a.wav"], list: "lists") == ["a.wav", "lists: Is a directory"])
    }

    @Test func `A list is read while it is written`() throws {
        let folder = try Self.folder([])
        #expect(mkfifo(folder.file("list"), 0o600) == 0)
        let writer = open(folder.file("list"), O_RDWR)
        defer { close(writer) }
        var files = FileQueue(paths: [], listPath: folder.file("list")).makeIterator()
        for name in ["first.wav", "second.wav"] {
            let line = Array("\(name)\n".utf8)
            #expect(write(writer, line, line.count) == line.count)
            #expect(files.next() == .file(name))
        }
    }

    @Test func `A queue can be iterated twice`() throws {
        let folder = try Self.folder(["d/a.wav", "d/b.wav"])
        let queue = FileQueue(paths: [folder.file("d")], listPath: nil)
        #expect(Array(queue) == Array(queue))
        #expect(Array(queue).count == 2)
    }
}

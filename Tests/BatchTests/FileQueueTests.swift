import Capture
import Glibc
import TestSupport
import Testing

@testable import Batch

@Suite struct FileQueueTests {
    /// The items of a queue, with paths relative to the folder.
    private static func items(_ folder: TestFolder, _ paths: [String], list: String? = nil) -> [String] {
        FileQueue(paths: paths.map { $0 == "-" ? $0 : folder.file($0) }, listPath: list.map(folder.file))
            .map { item in
                switch item {
                case .file(let path), .found(let path): String(path.trimmingPrefix(folder.path + "/"))
                case .failed(_, _, let message): message.replacing(folder.path + "/", with: "")
                }
            }
    }

    /// What a directory yields, and what is skipped in it.
    private static func walk(_ folder: TestFolder, _ path: String = "d") -> (
        items: [String], skipped: String?
    ) {
        let harvest = FileQueue(
            paths: [folder.file(path)], listPath: nil, extensions: AudioFileKind.sndfileExtensions
        ).makeIterator()
        var items: [String] = []
        while let item = harvest.next() {
            if case .failed(_, let code, let message) = item {
                items.append("\(code) " + message.replacing(folder.path + "/", with: ""))
            } else {
                items.append(String(item.path.trimmingPrefix(folder.path + "/")))
            }
        }
        return (items, harvest.skipped.sentence)
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
            "10.flac", "9.flac", "B.WAV", "a.wav", "asub.wav/x.aiff", "b.wav", "e.tar.wav",
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

    @Test func `Links are followed, each directory is read once, and circles end`() throws {
        let folder = try Self.folder(["d/a.wav", "d/sub/b.wav", "outside/c.wav", "outside/in/e.wav"])
        try folder.link("d/link.wav", to: folder.file("outside/c.wav"))
        try folder.link("d/loop", to: folder.file("d"))
        try folder.link("d/sub/up", to: "..")
        try folder.link("d/sub/further-up", to: "../..")
        try folder.link("d/out", to: folder.file("outside"))
        try folder.link("d/out-again", to: folder.file("outside"))
        try folder.link("d/out-within", to: folder.file("outside/in"))
        try folder.link("d/another-sub", to: "sub")
        try folder.link("outside/back", to: folder.file("d"))
        let (items, skipped) = Self.walk(folder)
        #expect(items == ["d/a.wav", "d/link.wav", "d/out/c.wav", "d/out/in/e.wav", "d/sub/b.wav"])
        #expect(skipped == "skipped 7 repeated or circular links")
        #expect(
            Self.items(folder, ["d/out"])
                == [
                    "d/out/c.wav", "d/out/in/e.wav", "d/out/back/a.wav", "d/out/back/link.wav",
                    "d/out/back/sub/b.wav",
                ].sorted())
    }

    @Test func `A folder that only has a link to a folder is read through it`() throws {
        let folder = try Self.folder(["real/a.wav"])
        try folder.write("", to: "links/notes.txt")
        try folder.link("links/card", to: "../real")
        #expect(Self.walk(folder, "links").items == ["links/card/a.wav"])
    }

    @Test func `A broken link is named unless it cannot be a recording`() throws {
        let folder = try Self.folder(["d/a.wav"])
        try folder.link("d/b.wav", to: "/absent/b.wav")
        try folder.link("d/card", to: "/absent/card")
        try folder.link("d/notes.txt", to: "/absent/notes.txt")
        try folder.link("d/self.wav", to: "self.wav")
        let (items, skipped) = Self.walk(folder)
        let advice = "which does not exist: check the link, or mount its drive"
        #expect(
            items == [
                "d/a.wav", "not_found d/b.wav is a link to /absent/b.wav, \(advice)",
                "not_found d/card is a link to /absent/card, \(advice)",
                "unreadable d/self.wav: Too many levels of symbolic links",
            ])
        #expect(skipped == "skipped 1 file that is not audio astd can decode: 1 .txt")
    }

    @Test func `Hidden names are skipped and counted`() throws {
        let folder = try Self.folder([
            "d/a.wav", "d/._a.wav", "d/.Trashes/b.wav", "d/.Trash-1000/files/c.wav", "d/sub/.DS_Store",
            "d/$RECYCLE.BIN/S-1/d.wav", "d/System Volume Information/e.wav", "d/__MACOSX/._f.wav",
        ])
        let (items, skipped) = Self.walk(folder)
        #expect(items == ["d/a.wav"])
        #expect(skipped == "skipped 7 hidden names")
        #expect(
            Self.walk(folder, "d/.Trashes").items == ["d/.Trashes/b.wav"], "a hidden directory can be named")
    }

    @Test func `Other kinds are counted, and files without extension are recognised by their content`() throws
    {
        let folder = try Self.folder(["d/1.M4A", "d/2.m4a", "d/notes.txt", "d/README", "d/a.wav", "d/x."])
        for (number, clip) in ["clips/short.wav", "decoding/tone-24-bit.flac"].enumerated() {
            try folder.copy(Golden.path(clip), to: "d/recording \(number)")
        }
        try folder.copy(Golden.path("clips/short.wav"), to: "d/2026-05-01 10.30")
        #expect(mkfifo(folder.file("d/pipe"), 0o600) == 0)
        let (items, skipped) = Self.walk(folder)
        #expect(items == ["d/2026-05-01 10.30", "d/a.wav", "d/recording 0", "d/recording 1"])
        #expect(
            skipped
                == "skipped 6 files that are not audio astd can decode: 2 .m4a, 2 without extension, 1 .txt, 1 pipe; install ffmpeg to decode .m4a"
        )
    }

    @Test func `The batch's own outputs are not counted, wherever they are`() throws {
        let folder = try Self.folder(["d/a.wav", "d/n.txt"])
        func skipped(_ destination: BatchOutputs.Destination, _ written: [String]) throws -> Int {
            for name in written { try folder.write("x", to: name) }
            defer { for name in written { try? folder.remove(name) } }
            let harvest = FileQueue(
                paths: [folder.file("d")], listPath: nil,
                outputs: OwnOutputs(destination, report: folder.file("d/r.html"))
            ).makeIterator()
            while harvest.next() != nil {}
            return harvest.skipped.total
        }
        #expect(
            try skipped(
                .file(folder.file("d/o/l.csv")), ["d/o/l.csv.partial", "d/o/l.csv.journal", "d/r.html"]) == 1)
        #expect(
            try skipped(
                .directory(folder.file("d/o")),
                [
                    "d/o/labels.csv.partial", "d/o/labels.journal", "d/o/d/a.wav.raven.txt.partial",
                    "d/o/summary.json",
                ])
                == 1)
        #expect(
            try skipped(
                .directory(folder.path), ["d/a.wav.audacity.txt", "d/b.wav.audacity.txt.partial", "d/o.txt"])
                == 2)
    }

    @Test func `A directory without recordings is a failure that says what it contains`() throws {
        let folder = try Self.folder(["only/x.m4a", "two/1.aac", "two/2.aac", "two/.hidden", "two/n.txt"])
        #expect(mkdir(folder.file("empty"), 0o700) == 0)
        #expect(
            Self.walk(folder, "empty").items == ["no_audio empty: no audio files (the directory is empty)"])
        #expect(
            Self.walk(folder, "only").items == [
                "no_audio only: no audio files (1 of another kind: .m4a); install ffmpeg to decode .m4a"
            ])
        #expect(
            Self.walk(folder, "two").items == [
                "no_audio two: no audio files (3 of other kinds: 2 .aac, 1 .txt; 1 hidden name); install ffmpeg to decode .aac"
            ])
    }

    @Test func `An input without a file says why; a file makes it worth a run`() throws {
        let folder = try Self.folder(["only/x.doc", "d/a.wav"])
        func problems(_ paths: [String]) -> [String]? {
            FileQueue(paths: paths.map(folder.file), listPath: nil).problems()
        }
        #expect(problems(["only", "only"])?.count == 2)
        #expect(problems(["only", "d"]) == nil)
        #expect(problems(["absent.wav"]) == nil, "its error is a record")
    }

    @Test func `A pipe is read ahead only as far as its first file, and nothing is lost`() throws {
        let folder = try Self.folder(["empty/x.txt"])
        #expect(mkfifo(folder.file("list"), 0o600) == 0)
        let writer = open(folder.file("list"), O_RDWR)
        let lines = "\(folder.file("empty"))\na.wav\n"
        #expect(write(writer, lines, lines.utf8.count) == lines.utf8.count)
        let queue = FileQueue(paths: [], listPath: folder.file("list"))
        #expect(queue.problems() == nil)
        close(writer)
        #expect(queue.map(\.path) == [folder.file("empty"), "a.wav"])
    }

    @Test func `A list has one path per line and follows the paths that are named`() throws {
        let folder = try Self.folder(["a.wav", "d/b.wav", "named.wav"])
        let lines = [folder.file("a.wav"), "", folder.file("d"), folder.file("with space.wav") + "\r", "-"]
        try folder.write(lines.joined(separator: "\n"), to: "list")
        #expect(
            Self.items(folder, ["named.wav"], list: "list")
                == ["named.wav", "a.wav", "d/b.wav", "with space.wav", "-"])
        try folder.write("\n\r\n\n", to: "empty")
        #expect(Self.items(folder, [], list: "empty") == ["empty: no audio files (the list is empty)"])
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
        let files = FileQueue(paths: [], listPath: folder.file("list")).makeIterator()
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

import Glibc
import TestSupport
import Testing

/// Vectors of windows, as `astd embed` writes them.
@Suite(.timeLimit(.minutes(10)))
struct EmbedTests {
    /// The rows of an array in NumPy's format.
    private static func rows(of path: String) throws -> [[Float]] {
        let bytes = try TestFolder.bytes(of: path)
        let header = String(decoding: bytes[10..<128], as: UTF8.self)
        let shape = try #require(header.firstMatch(of: /'shape': \((\d+), (\d+)\), }/))
        let (count, width) = (try #require(Int(shape.1)), try #require(Int(shape.2)))
        try #require(bytes.count == 128 + 4 * count * width, "\(header)")
        return bytes[128...].withUnsafeBytes { data in
            (0..<count).map { row in
                (0..<width).map {
                    Float(
                        bitPattern: UInt32(
                            littleEndian: data.loadUnaligned(
                                fromByteOffset: 4 * (row * width + $0), as: UInt32.self)))
                }
            }
        }
    }

    private static func lines(of path: String) throws -> [String] {
        String(decoding: try TestFolder.bytes(of: path), as: UTF8.self).split(separator: "\r\n")
            .map(String.init)
    }

    @discardableResult
    private static func embed(
        _ arguments: [String], in folder: TestFolder, code: Int32 = 0
    ) async throws -> ChildProcess.Exit {
        let exit = try await Astd.run(
            ["astd", "embed", "--model", Astd.model, "--no-cache"] + arguments, in: folder)
        #expect(exit.code == code, "\(exit.errorLines)")
        return exit
    }

    @Test(arguments: try Golden.load().embeddedClips())
    func `The vectors of a file are transformers' pooled output, window by window`(
        _ golden: Golden.EmbeddedClip
    ) async throws {
        let folder = try TestFolder()
        let adapter = golden.adapter.map { ["--adapter", Golden.path($0)] } ?? []
        try await Self.embed(
            [Golden.path(golden.clip), "--hop", "\(golden.hopSeconds)", "--output", folder.file("v.npy")]
                + adapter, in: folder)
        let found = try Self.rows(of: folder.file("v.npy"))
        try #require(found.count == golden.rows.count)
        for (row, wanted) in zip(found, golden.rows) {
            #expect(largestDifference(row, wanted.pooled) <= 1e-4, "the window at \(wanted.start) s")
        }
        let spans = try Self.lines(of: folder.file("v.index.csv")).dropFirst()
            .map {
                $0.split(separator: ",", omittingEmptySubsequences: false)[1...2].compactMap { Double($0) }
            }
        #expect(spans == golden.rows.map { [$0.start, $0.end] })
    }

    @Test func `A table has the numbers of the array, and both leave out what cannot be read`() async throws {
        let folder = try TestFolder()
        try folder.copy(Astd.clip, to: "in/a.wav")
        try folder.write("no sound", to: "in/b.wav")
        try folder.copy(Golden.path("clips/short.wav"), to: "in/c, d.wav")
        try folder.write("notes", to: "in/notes.txt")
        let array = try await Self.embed(
            [folder.file("in"), "--output", folder.file("v.npy")], in: folder, code: 1)
        #expect(array.errorLines.count == 3, "\(array.errorLines)")
        #expect(array.errorLines[1].contains("1 .txt"))
        #expect(array.errorLines[2].contains("3 files") && array.errorLines[2].contains("6 windows; wrote"))
        try await Self.embed([folder.file("in"), "--output", folder.file("v.csv")], in: folder, code: 1)
        let table = try Self.lines(of: folder.file("v.csv"))
        let index = try Self.lines(of: folder.file("v.index.csv"))
        #expect(table.count == 7)
        for (line, start) in zip(table, index) { #expect(line.hasPrefix(start + ",")) }
        #expect(index.last?.hasPrefix("\"\(folder.file("in/c, d.wav"))\",0.0,0.7,") == true)
        let numbers = zip(table, index).dropFirst().map { line, start in
            line.dropFirst(start.count + 1).split(separator: ",").compactMap { Float($0) }
        }
        #expect(try Self.rows(of: folder.file("v.npy")) == numbers, "a Float's text is exact")
    }

    @Test func `The mean of a file's windows is one row`() async throws {
        let folder = try TestFolder()
        // Windows that touch weigh the same.
        let hop = ["--hop", "0.96", "--last-window", "padded", "--min-window", "0.96"]
        try await Self.embed([Astd.clip, "--output", folder.file("all.npy")] + hop, in: folder)
        try await Self.embed(
            [Astd.clip, "--aggregate", "mean", "--output", folder.file("mean.npy")] + hop, in: folder)
        let all = try Self.rows(of: folder.file("all.npy"))
        let mean = try Self.rows(of: folder.file("mean.npy"))
        try #require(all.count == 4 && mean.count == 1)
        let wanted = all[0].indices.map { column in all.map { $0[column] }.reduce(0, +) / 4 }
        #expect(largestDifference(mean[0], wanted) < 1e-5)
        #expect(try Self.lines(of: folder.file("mean.index.csv"))[1].contains(",mean,"))
    }

    @Test func `An interrupted run keeps its rows, and --resume completes the same array`() async throws {
        let folder = try TestFolder()
        var list = ""
        for number in 10..<16 { list += try folder.copy(Astd.clip, to: "in/\(number).wav") + "\n" }
        let options = ["--hop", "0.1", "--jobs", "2", "--threads", "2", "--files-from"]
        try await Self.embed(
            options + [try folder.write(list, to: "list"), "--output", folder.file("whole.npy")], in: folder)
        // A list that does not end keeps the run from ending before the signal.
        try #require(mkfifo(folder.file("endless"), 0o600) == 0)
        let writer = open(folder.file("endless"), O_RDWR | O_CLOEXEC)
        defer { close(writer) }
        try #require(write(writer, list, list.utf8.count) == list.utf8.count)
        let output = folder.file("cut.npy")
        let program = try Astd.start(
            ["astd", "embed", "--model", Astd.model, "--no-cache"] + options
                + [folder.file("endless"), "--output", output], in: folder)
        try await eventually(
            "rows of two files",
            that: {
                let path = output + ".partial"
                guard TestFolder.exists(path) else { return false }
                return try TestFolder.bytes(of: path).count > 128 * 80
            })
        program.send(SIGINT)
        #expect(try await program.exit().code == 130)
        #expect(!TestFolder.exists(output) && !TestFolder.exists(folder.file("cut.index.csv")))
        let resumed = options + [folder.file("list"), "--output", output, "--resume"]
        try await Self.embed(resumed, in: folder)
        #expect(try TestFolder.bytes(of: output) == TestFolder.bytes(of: folder.file("whole.npy")))
        #expect(
            try TestFolder.bytes(of: folder.file("cut.index.csv"))
                == TestFolder.bytes(of: folder.file("whole.index.csv")))
        let again = try await Self.embed(resumed, in: folder)
        #expect(again.errorLines.first?.contains("is already complete (6 files)") == true)
    }

    @Test func `A full disk is one line, and leaves no array under its name`() async throws {
        let folder = try TestFolder()
        let limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"", try Astd.path("astd")]
        let output = folder.file("v.npy")
        let arguments = [
            "embed", "--model", Astd.model, "--no-cache", "--hop", "0.05", Astd.clip, "--output", output,
        ]
        let result = try await ChildProcess(limited + arguments, in: folder, package: "bash").exit()
        #expect(result.code == 1)
        #expect(result.errorLines.count == 1)
        #expect(result.errorLines.first?.contains("cannot be written: File too large") == true)
        #expect(!TestFolder.exists(output) && !TestFolder.exists(folder.file("v.index.csv")))
    }

    @Test(arguments: [
        ("v.txt", [], "a name that ends in .npy or .csv"), ("v.npy", ["--hop", "0"], "--hop is 0.0"),
        ("v.npy", ["--jobs", "0"], "--jobs is 0"),
    ])
    func `Wrong options are refused with advice`(name: String, options: [String], mention: String)
        async throws
    {
        let folder = try TestFolder()
        let exit = try await Self.embed(
            [Astd.clip, "--output", folder.file(name)] + options, in: folder, code: 64)
        #expect(exit.errorLines.count == 1 && exit.errorLines[0].contains(mention), "\(exit.errorLines)")
    }

    @Test func `An array is not written to a pipe, which could not hold its length`() async throws {
        let folder = try TestFolder()
        try #require(mkfifo(folder.file("v.npy"), 0o600) == 0)
        let exit = try await Self.embed(
            [Astd.clip, "--output", folder.file("v.npy")], in: folder, code: 1)
        #expect(exit.errorLines.first?.contains("is not a regular file, which an array needs") == true)
    }

    @Test func `The search example finds the clip that is most like another`() async throws {
        let folder = try TestFolder()
        for name in ["noise", "speech", "tone"] {
            try folder.copy(Golden.path("clips/\(name).wav"), to: "in/\(name).wav")
        }
        try await Self.embed([folder.file("in"), "--output", folder.file("all.npy")], in: folder)
        try await Self.embed(
            [Golden.path("clips/speech.wav"), "--hop", "0.2", "--output", folder.file("one.npy")], in: folder)
        let exit = try await ChildProcess(
            [
                "python3", Astd.repository + "/examples/search/nearest.py", folder.file("all.npy"),
                folder.file("one.npy"), "--count", "2",
            ], in: folder, package: "python3"
        ).exit()
        #expect(exit.code == 0, "\(exit.errorLines)")
        let hits = exit.lines.map { $0.split(separator: "\t").map(String.init) }
        #expect(hits.count == 2 * (try Self.rows(of: folder.file("one.npy")).count))
        for best in stride(from: 0, to: hits.count, by: 2) {
            #expect(hits[best][2] == folder.file("in/speech.wav"), "\(hits[best])")
        }
    }
}

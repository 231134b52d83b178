import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// What a folder, a list or an interrupted run brings: nothing vanishes in silence.
@Suite(.timeLimit(.minutes(10)))
struct FolderTests {
    private static func run(_ script: String, in folder: TestFolder) async throws -> ChildProcess.Exit {
        try await NameTests.run(
            #"run() { $astd classify --model $model --hop 10 "$@"; }; "# + script, in: folder)
    }

    @Test func `A folder or list without recordings is an error, and no output is created`() async throws {
        for (input, message) in [
            ("only", "only: no audio files (1 of another kind: .dat)"),
            ("empty", "empty: no audio files (the directory is empty)"),
            ("--files-from /dev/null", "/dev/null: no audio files (the list is empty)"),
            ("--files-from - < /dev/null", "standard input: no audio files (the list is empty)"),
            ("--files-from absent", "absent: No such file or directory"),
        ] {
            let folder = try TestFolder()
            let exit = try await Self.run(
                "mkdir only empty; touch only/x.dat; run --output o/l.csv --report o/r.html --format csv \(input)",
                in: folder)
            #expect(exit.code == 1)
            #expect(exit.errorLines == ["astd: \(message)"])
            #expect(exit.lines.isEmpty)
            #expect(!TestFolder.exists(folder.file("o")))
        }
    }

    @Test func `Recordings of a single window have no event, and it is said why`() async throws {
        let folder = try TestFolder()
        let exit = try await Self.run(
            "cp ${clip%/*}/exact.wav .; $astd classify --model $model --events exact.wav", in: folder)
        #expect(exit.code == 0 && exit.lines.isEmpty)
        #expect(
            exit.errorLines == [
                "astd: no events: an event needs 2 windows in a row, and no recording has more than one; "
                    + "--set detection.minimum_hits=1 also reports single windows"
            ])
    }

    @Test func `What is skipped is counted on standard error, in the summary and in the report`() async throws
    {
        let folder = try TestFolder()
        let exit = try await Self.run(
            """
            mkdir -p d/.Trashes d/sub; cp $clip d/a.wav; cp $clip d/sub/b; cp $clip d/.Trashes/x.wav; touch d/._a.wav
            touch d/1.dat d/2.dat d/n.txt; run d --output o/ --report o/r.html --no-progress; cat o/summary.json
            grep -c 'skipped 3 files' o/r.html
            """, in: folder)
        #expect(exit.code == 0)
        #expect(
            exit.errorLines == [
                "astd: skipped 3 files that are not audio astd can decode: 2 .dat, 1 .txt; 2 hidden names"
            ])
        let summary = try JSONObject(parsing: Array(#require(exit.lines.first).utf8))
        #expect(try summary.integer("files", as: Int.self) == 2)
        #expect(try summary.integer("skipped", as: Int.self) == 5)
        let kinds = try #require(try summary.object("skipped_kinds"))
        #expect(kinds.members == ["hidden": .number("2"), ".dat": .number("2"), ".txt": .number("1")])
        #expect(exit.lines.last == "1")
    }

    @Test func `A run to files ends with a summary that names what failed`() async throws {
        let folder = try TestFolder()
        let exit = try await Self.run(
            "mkdir d; cp $clip d/a.wav; echo no > d/b.wav; run d --format csv --output o/l.csv", in: folder)
        #expect(exit.code == 1)
        #expect(exit.errorLines.count == 2)
        #expect(exit.errorLines.last?.hasPrefix("astd: 2 files, ") == true)
        #expect(
            exit.errorLines.last?.hasSuffix(", 1 failed (d/b.wav), 1 window; wrote o/l.csv") == true,
            "\(exit.errorLines)")
        #expect(TestFolder.exists(folder.file("o/l.csv")), "its directory was created")
    }

    @Test func `A name near the system's limit does not stop the batch`() async throws {
        let folder = try TestFolder()
        let exit = try await Self.run(
            """
            n=$(printf 'm%.0s' $(seq 240)).wav; mkdir d; cp $clip d/a.wav; cp $clip d/$n; cp $clip d/z.wav
            run d --format audacity --output o --no-progress; ls o/d | wc -l; ls o/d/z.wav.audacity.txt o/summary.json
            """, in: folder)
        #expect(exit.code == 0, "\(exit.errorLines)")
        #expect(exit.lines.first == "3")
    }

    @Test func `An output that only one recording cannot have is that recording's error`() async throws {
        let folder = try TestFolder()
        let exit = try await Self.run(
            """
            mkdir d; cp $clip d/a.wav; cp $clip d/b.wav; mkdir -p o/d/a.wav.raven.txt/x
            run d --format raven,jsonl --output o --no-progress || echo $?; ls o/d/b.wav.raven.txt; cat o/labels.jsonl
            """, in: folder)
        #expect(exit.lines.first == "1")
        try #require(exit.errorLines.count == 1)
        #expect(
            exit.errorLines[0].contains("a.wav.raven.txt cannot be written: Is a directory"),
            "\(exit.errorLines)")
        #expect(exit.lines.contains { $0.contains(#""code":"not_written""#) })
        #expect(exit.lines.contains { $0.contains("d/b.wav.raven.txt") })
    }

    /// Starts a run over the folder `d` of 40 recordings in the background, and waits for its first records.
    private static let started = """
        mkdir d; for i in $(seq 100 139); do cp $clip d/$i.wav; done
        long="$astd classify --model $model --hop 1 --format csv --no-progress d"
        $long --output o/l.csv 2> err & p=$!
        while ! grep -qs d/101.wav o/l.csv.partial; do kill -0 $p; sleep 0.02; done

        """

    @Test func `A drive that is not mounted stops --resume and keeps the journal`() async throws {
        let folder = try TestFolder()
        // SIGTERM, because bash starts background jobs with SIGINT ignored.
        let exit = try await Self.run(
            Self.started + """
                kill -TERM $p; wait $p || test $? = 143
                mv d away; mkdir d; $long --output o/l.csv --resume || echo $?
                cp away/139.wav d; $long --output o/l.csv --resume || echo $?
                rm -r d; $long --output o/l.csv --resume || echo $?
                ls o
                """, in: folder)
        #expect(exit.lines == ["1", "1", "1", "l.csv.journal", "l.csv.partial"])
        let errors = exit.errorLines
        #expect(errors[0] == "astd: d: no audio files (the directory is empty)")
        #expect(
            errors[1].contains("that the input no longer has, such as d/100.wav; mount their drive"),
            "\(errors)")
        #expect(errors[2] == "astd: d does not exist: mount its drive and continue with --resume")
        #expect(errors.count == 3)
    }

    @Test func `A file that was missing is tried again with --resume, in its place`() async throws {
        let folder = try TestFolder()
        let exit = try await Self.run(
            """
            cp $clip a.wav; cp $clip c.wav; printf '%s\\n' a.wav b.wav c.wav > list
            job() { run --format csv --no-progress --files-from list "$@"; }
            job --output l.csv || echo $?; grep -c '^b.wav.*not_found' l.csv
            job --output l.csv --resume || echo $?
            cp $clip b.wav; job --output l.csv --resume; echo $?; job --output whole.csv; cmp l.csv whole.csv; ls l.csv*
            job --output l.csv --resume; cp $clip d.wav; echo d.wav >> list; job --output l.csv --resume || echo $?
            """, in: folder)
        #expect(exit.lines == ["1", "1", "1", "0", "l.csv", "l.csv.journal", "1"], "\(exit.errorLines)")
        #expect(exit.errorLines.last?.contains("without 1 file (d.wav) of the input") == true)
    }

    @Test func `Recordings that vanish during a run stop it, and --resume continues`() async throws {
        let folder = try TestFolder()
        let exit = try await Self.run(
            Self.started + """
                mv d away; mkdir d; wait $p || echo $?; tail -n 1 err; rmdir d; mv away d
                $long --output whole.csv; $long --output o/l.csv --resume; cmp o/l.csv whole.csv; ls o
                """, in: folder)
        #expect(exit.code == 0, "\(exit.errorLines)")
        #expect(exit.lines.first == "1")
        #expect(exit.lines.contains { $0.contains("10 files in a row have vanished") }, "\(exit.lines)")
        #expect(exit.lines.suffix(2) == ["l.csv", "l.csv.journal"])
    }
}

import TestSupport
import Testing
import TextSupport
import Wire

/// Names that are not UTF-8, or contain control characters, from the command line to the outputs.
@Suite(.timeLimit(.minutes(10)))
struct NameTests {
    /// Runs a shell script with the variables `astd`, `astctl`, `model` and `clip`, in the folder.
    static func run(_ script: String, in folder: TestFolder) async throws -> ChildProcess.Exit {
        let variables = try [
            "astd": Astd.path("astd"), "astctl": Astd.path("astctl"), "model": Astd.model,
            "clip": Astd.clip,
        ]
        let script = "set -e; cd '\(folder.path)'; " + script
        return try await ChildProcess(
            ["bash", "-c", script], in: folder, environment: variables, package: "bash"
        ).exit()
    }

    private static func files(_ exit: ChildProcess.Exit) throws -> [String] { try exit.lines.map(file) }

    private static func file(_ line: String) throws -> String {
        try JSONObject(parsing: Array(line.utf8)).requiredString("file")
    }

    private static let latin1 = #"d=$'d\xefr'; n=$'caf\xe9.wav'; mkdir $d; cp $clip $d/$n; "#

    @Test func `A path that is not UTF-8 is classified wherever it is named`() async throws {
        for command in [
            "$astd classify --model $model --hop 10 $d/$n", "$astd classify --model $model --hop 10 $d",
            "echo $d/$n > list; $astd classify --model $model --hop 10 --files-from list",
            #"printf '%s\0' $d/$n | $astd classify --model $model --hop 10 --files-from - -0"#,
        ] {
            let exit = try await Self.run(Self.latin1 + command, in: TestFolder())
            #expect(exit.code == 0, "\(command): \(exit.errorLines)")
            #expect(try Self.files(exit).first == #"d\xEFr/caf\xE9.wav"#)
        }
    }

    @Test func `Models, settings and outputs may have names that are not UTF-8`() async throws {
        let folder = try TestFolder()
        let script =
            Self.latin1 + #"""
                m=$'m\xf6'; cp -r $model $m; echo 'hop: 10' > $'c\xf6.yaml'
                $astd inspect $m > /dev/null
                $astd classify --model $m --events --config $'c\xf6.yaml' $d --format jsonl,raven \
                    --output $'o\xf6' --report $'r\xf6.html'
                ls $'o\xf6'/$d/$n.raven.txt $'o\xf6'/labels.jsonl $'o\xf6'/summary.json $'r\xf6.html'
                grep -F 'd%EFr/caf%E9.wav' -c $'r\xf6.html'
                """#
        let exit = try await Self.run(script, in: folder)
        #expect(exit.code == 0, "\(exit.errorLines)")
        #expect(exit.lines.last == "1")
    }

    @Test func `Control characters of a name never reach standard error or text`() async throws {
        let script = #"""
            n=$'a\e[31m\nb.wav'; cp $clip "$n"
            $astd classify --model $model --hop 10 --format text "$n"
            $astd classify --model $model --hop 10 --format text $'no\e[31m\n.wav' || true
            """#
        let exit = try await Self.run(script, in: TestFolder())
        #expect(exit.lines.allSatisfy { $0.hasPrefix(#"a\x1B[31m\x0Ab.wav  "#) })
        #expect(exit.errorLines == [#"astd: no\x1B[31m\x0A.wav does not exist: check the path"#])
    }

    @Test func `The daemon and its client use sockets and files whose names are not UTF-8`() async throws {
        let script =
            Self.latin1 + #"""
                trap 'kill $(jobs -p) 2> /dev/null' EXIT
                r=$'r\xf6'; mkdir $r; m=$'m\xf6'; cp -r $model $m
                $astd run --model $m --source "file:$d/$n" --wait-for-subscriber --runtime-dir $r 2> log &
                until $astctl --socket $r/astd.sock status &> /dev/null; do kill -0 $!; sleep 0.05; done
                $astctl --socket $r/astd.sock classify --hop 10 $d/$n
                $astctl --socket $r/astd.sock status --json | grep -c 'd..xEFr/caf..xE9.wav'
                """#
        let exit = try await Self.run(script, in: TestFolder())
        #expect(exit.code == 0, "\(exit.errorLines)")
        #expect(try exit.lines.first.map(Self.file) == #"d\xEFr/caf\xE9.wav"#)
        #expect(exit.lines.last == "1")
    }
}

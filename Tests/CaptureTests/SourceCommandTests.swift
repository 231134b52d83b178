import Capture
import SystemSupport
import Testing

@Suite struct SourceCommandTests {
    @Test(arguments: [
        ("ffmpeg -i x -f wav -", ["ffmpeg", "-i", "x", "-f", "wav", "-"]),
        ("  arecord\t-D  hw:1 ", ["arecord", "-D", "hw:1"]),
        ("sh -c 'a | b > c'", ["sh", "-c", "a | b > c"]),
        (#"say "a \"b\" \\ \c" d"#, ["say", #"a "b" \ \c"#, "d"]),
        (#"say 'a\b' it\'s a\ b"#, ["say", #"a\b"#, "it's", "a b"]),
        (#"x '' "" a''b"#, ["x", "", "", "ab"]),
        ("curl http://host/a?x=1&y=2;z", ["curl", "http://host/a?x=1&y=2;z"]),
        ("x '|' \\> $HOME * ~", ["x", "|", ">", "$HOME", "*", "~"]),
    ])
    func `A command is split into words as a shell does, without a shell`(text: String, words: [String])
        throws
    {
        #expect(try SourceCommand(parsing: text).words == words)
    }

    @Test(arguments: [
        ("", "names no program"), ("   ", "names no program"), ("'' x", "names no program"),
        ("a 'b", "has no counterpart"), ("a \"b", "has no counterpart"), ("a b\\", "nothing to quote"),
        ("a | b", "needs a shell"), ("a > b", "needs a shell"), ("a 2>&1", "needs a shell"),
        ("a && b", "needs a shell"), ("a &", "needs a shell"), ("a </dev/null", "needs a shell"),
    ])
    func `A command that cannot be run without a shell is rejected with the reason`(
        text: String, reason: String
    ) {
        let error: CaptureError? = {
            do throws(CaptureError) {
                _ = try SourceSpec(parsing: "command:\(text)")
                return nil
            } catch { return error }
        }()
        #expect(error?.code == "bad_spec")
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "accepted")")
    }

    @Test(arguments: [
        ("rtsp://admin:secret@10.0.0.1/live", "rtsp://***@10.0.0.1/live"),
        ("rtsp://admin:se@cr@et@10.0.0.1:554/live?x=1", "rtsp://***@10.0.0.1:554/live?x=1"),
        ("rtsp://admin:a/b@host/live", "rtsp://***@host/live"),
        ("-i \"http://u:p@h/a\" -f wav", "-i \"http://***@h/a\" -f wav"),
        ("http://h/a?user=x&password=secret&b=1", "http://h/a?user=x&password=***&b=1"),
        ("srt://h:1?passphrase=secret", "srt://h:1?passphrase=***"),
        ("curl --password=secret TOKEN=x", "curl --password=*** TOKEN=***"),
        ("rtsp://host/live and http://host", "rtsp://host/live and http://host"),
        ("rate=48000,channels=2", "rate=48000,channels=2"), ("mail me@example", "mail me@example"),
    ])
    func `Passwords in URLs and parameters are masked`(text: String, masked: String) {
        #expect(Credentials.masked(text) == masked)
    }

    @Test func `The name of a source and its errors have no password`() throws {
        let text = "command:ffmpeg -i rtsp://admin:secret@10.0.0.1/live -f wav -"
        let spec = try SourceSpec(parsing: text)
        let source = spec.makeSource(paced: true, pulseServer: nil)
        #expect(source.name == "command:ffmpeg -i rtsp://***@10.0.0.1/live -f wav -")
        for bad in ["alsa:rtsp://admin:secret@h", "command:a | rtsp://admin:secret@h"] {
            do throws(CaptureError) {
                _ = try SourceSpec(parsing: bad)
                Issue.record("\(bad) was accepted")
            } catch {
                #expect(!error.description.contains("secret"), "\(error.description)")
            }
        }
    }
}

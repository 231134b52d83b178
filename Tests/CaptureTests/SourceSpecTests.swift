import Capture
import Testing

@Suite struct SourceSpecTests {
    @Test(arguments: [
        ("pulse", SourceSpec.pulse(pattern: nil)),
        ("pulse:*Yeti*", .pulse(pattern: "*Yeti*")),
        ("pulse:alsa_input.usb:1.0", .pulse(pattern: "alsa_input.usb:1.0")),
        ("file:/tmp/a b:c.wav", .file(path: "/tmp/a b:c.wav")),
        ("stdin", .stdin(nil)),
        (
            "stdin:rate=44100,channels=2,format=s24le",
            .stdin(SampleFormat(parsing: "channels=2,format=s24le,rate=44100"))
        ),
        ("pipe:/run/a b?.fifo", .pipe(path: "/run/a b?.fifo")),
        (
            "pipe:/run/a?rate=8000&channels=1&format=mulaw",
            .pipe(path: "/run/a", format: SampleFormat(parsing: "rate=8000,format=mulaw"))
        ),
    ])
    func `Every form of a source is parsed, and printed in the same form`(text: String, wanted: SourceSpec)
        throws
    {
        let spec = try SourceSpec(parsing: text)
        #expect(spec == wanted)
        #expect(spec.description == text)
        #expect(spec.makeSource(paced: true, pulseServer: nil).name == text)
    }

    @Test(arguments: [
        "", "pulse:", "file", "file:", "stdin:", "stdin:x", "stdin:rate=0", "stdin:rate=8000,rate=8000",
        "stdin:format=mp3", "stdin:channels=65", "stdin:rate=44100,", "Pulse", "hw:0", ":", "a\nb",
        "pipe", "pipe:", "pipe:?rate=8000", "pipe:/a?rate=0", "pipe:/a?format=mp3", "pipe:/a?rate=8000&x=1",
        "command",
    ])
    func `Anything else is rejected with the list of valid forms`(text: String) {
        #expect(throws: CaptureError.badSpec(found: text)) { try SourceSpec(parsing: text) }
        let error = CaptureError.badSpec(found: text)
        #expect(error.code == "bad_spec")
        #expect(error.description.contains("use pulse, pulse:NAME, file:PATH, stdin[:rate=44100,"))
        #expect(!error.description.contains("\n"))
    }

    @Test(arguments: [
        ("t.monitor", "pulse:t.monitor"), ("alsa_input.usb-1:1.0.mono", "pulse:alsa_input.usb-1:1.0.mono"),
        ("Pulse", "pulse"), ("PULSE:x", "pulse:x"), ("street.wav", "file:street.wav"),
        ("/tmp/street", "file:/tmp/street"), ("-", "stdin"), ("/dev/stdin", "stdin"),
        ("hw:0", "command:arecord -q -D hw:0 -t wav -f S16_LE -r 16000"),
        ("alsa:plughw:1,0", "command:arecord -q -D plughw:1,0 -t wav -f S16_LE -r 16000"), ("hw:", nil),
        ("http://host/a.mp3", "command:ffmpeg -nostdin -v error -i http://host/a.mp3 -f wav -"),
        (
            "rtsp://ann:pw@host/",
            "command:ffmpeg -nostdin -v error -rtsp_transport tcp -i rtsp://***@host/ -vn -f wav -"
        ),
        ("http://host/a b", nil), ("", nil), ("file:", nil), ("a\nb", nil),
    ])
    func `A name or a path without its scheme is recognised`(text: String, suggestion: String?) {
        let description = CaptureError.badSpec(found: text).description
        let found = suggestion.map { " is not an audio source (did you mean \($0)?): use " }
        #expect(description.contains(found ?? " is not an audio source: use "), "\(description)")
    }
}

import Capture
import Testing

@Suite struct SourceSpecTests {
    @Test(arguments: [
        ("pulse", SourceSpec.pulse(pattern: nil)),
        ("pulse:*Yeti*", .pulse(pattern: "*Yeti*")),
        ("pulse:alsa_input.usb:1.0", .pulse(pattern: "alsa_input.usb:1.0")),
        ("file:/tmp/a b:c.wav", .file(path: "/tmp/a b:c.wav")),
        ("stdin", .stdin),
    ])
    func `Every form of a source is parsed, and printed in the same form`(text: String, wanted: SourceSpec)
        throws
    {
        let spec = try SourceSpec(parsing: text)
        #expect(spec == wanted)
        #expect(spec.description == text)
        #expect(spec.makeSource(paced: true, pulseServer: nil).name == text)
    }

    @Test(arguments: ["", "pulse:", "file", "file:", "stdin:", "stdin:x", "Pulse", "hw:0", ":", "a\nb"])
    func `Anything else is rejected with the list of valid forms`(text: String) {
        #expect(throws: CaptureError.badSpec(found: text)) { try SourceSpec(parsing: text) }
        let error = CaptureError.badSpec(found: text)
        #expect(error.code == "bad_spec")
        #expect(error.description.hasSuffix("use pulse, pulse:NAME, file:PATH or stdin"))
        #expect(!error.description.contains("\n"))
    }
}

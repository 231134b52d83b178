import Capture
import TestSupport
import Testing

@Suite struct ContainerSniffTests {
    private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Four frames of the same length.
    private static func frames(_ head: [UInt8], length: Int) -> [UInt8] {
        let frame = head + [UInt8](repeating: 0x55, count: length - head.count)
        return frame + frame + frame + frame
    }

    static let heads: [(kind: String, head: [UInt8])] = [
        ("a WAV file", ascii("RIFF\u{0}\u{0}\u{0}\u{0}WAVEfmt ")),
        ("a WAV file", ascii("RF64\u{0}\u{0}\u{0}\u{0}WAVEds64")),
        ("an AVI file", ascii("RIFF\u{0}\u{0}\u{0}\u{0}AVI LIST")),
        ("a WebP image", ascii("RIFF\u{0}\u{0}\u{0}\u{0}WEBPVP8 ")),
        ("a W64 file", ascii("riff") + [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6]),
        ("an AIFF file", ascii("FORM\u{0}\u{0}\u{0}\u{0}AIFCCOMM")),
        ("a CAF file", ascii("caff\u{0}\u{1}")), ("an AU file", ascii(".snd\u{0}\u{0}")),
        ("an MP3 file", ascii("ID3\u{4}\u{0}")),
        ("an MP3 file", frames([0xFF, 0xFB, 0x90, 0x00], length: 417)),
        ("an MP2 file (MPEG audio, layer 2)", frames([0xFF, 0xFD, 0x80, 0x00], length: 417)),
        ("AAC audio (ADTS)", frames([0xFF, 0xF1, 0x50, 0x80, 0x20, 0x1F, 0xFC], length: 256)),
        ("AC-3 audio", frames([0x0B, 0x77, 0, 0, 0x14, 0x40], length: 768)),
        ("E-AC-3 audio", frames([0x0B, 0x77, 0x01, 0x7F, 0x3F, 0x86], length: 768)),
        ("an MPEG transport stream", frames([0x47, 0x40, 0x11, 0x10], length: 188)),
        ("MPEG-4 audio (M4A)", [0, 0, 0, 28] + ascii("ftypM4A ")),
        ("an MP4 file", [0, 0, 0, 28] + ascii("ftypisom")),
        ("a QuickTime file", [0, 0, 0, 20] + ascii("ftypqt  ")),
        ("a 3GP file", [0, 0, 0, 20] + ascii("ftyp3gp6")),
        ("a HEIF or AVIF image", [0, 0, 0, 20] + ascii("ftypheic")),
        ("Windows Media (WMA or WMV)", [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6]),
        ("a WebM file", [0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x82, 0x84] + ascii("webm")),
        ("a Matroska file", [0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x82, 0x88] + ascii("matroska")),
        ("WavPack audio", ascii("wvpk")), ("AMR audio", ascii("#!AMR-WB\n")),
        ("True Audio (TTA)", ascii("TTA1")),
        ("Monkey's Audio (APE)", ascii("MAC ")), ("DSD audio (DSF)", ascii("DSD \u{1C}")),
        ("a MIDI file (notes, not sound)", ascii("MThd\u{0}\u{0}")), ("a PDF", ascii("%PDF-1.7")),
        ("a ZIP archive", ascii("PK\u{3}\u{4}")), ("a gzip archive", [0x1F, 0x8B, 0x08, 0]),
        ("an HTML page", ascii("\n<!DOCTYPE html>\n<html>")),
        ("a JPEG image", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16] + ascii("JFIF")),
        ("a PNG image", [0x89, 0x50, 0x4E, 0x47, 13, 10]), ("text", ascii("dear diary")),
        ("zeros only, as a copy that was interrupted leaves", [UInt8](repeating: 0, count: 600)),
        ("an unknown format (it starts with 07 07)", [7, 7]),
    ]

    @Test(arguments: heads.indices)
    func `A file is recognised by its first bytes`(index: Int) {
        let (kind, head) = Self.heads[index]
        #expect(ContainerSniff.description(of: head) == kind)
    }

    @Test func `Samples that begin like a frame are not taken for one`() {
        // The second frame is missing.
        let samples = [0xFF, 0xFB, 0x90, 0x00] + AudioFixture.noise(2000).map { UInt8(($0 + 0.5) * 255) }
        #expect(ContainerSniff.description(of: samples).hasPrefix("an unknown format"))
        let silence = [UInt8](repeating: 0, count: 4096)
        #expect(!ContainerSniff.description(of: silence).hasPrefix("a"))
    }

    @Test func `Files of a folder are chosen by extension, with ffmpeg or without`() {
        #expect(
            AudioFileKind.sndfileExtensions.isSuperset(of: [
                "wav", "flac", "ogg", "opus", "mp3", "aif", "caf", "mp2",
            ]))
        #expect(
            AudioFileKind.ffmpegExtensions.isSuperset(of: [
                "m4a", "mp4", "wma", "wv", "amr", "mkv", "aac", "spx",
            ]))
        #expect(AudioFileKind.sndfileExtensions.isDisjoint(with: AudioFileKind.ffmpegExtensions))
        #expect(
            AudioFileKind.ffmpegExtensions.isDisjoint(with: ["ts", "txt", "m3u", "m3u8", "mid", "pdf", "zip"])
        )
    }
}

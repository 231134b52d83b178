import Glibc
import TestSupport
import Testing

@testable import Batch

@Suite struct SpectrogramColumnsTests {
    private static func columns(_ rows: [[Float]], bins: Int, limit: Int) -> SpectrogramColumns {
        var columns = SpectrogramColumns(bins: bins, limit: limit)
        for row in rows { row.withUnsafeBufferPointer { columns.append($0, mels: row.count) } }
        return columns
    }

    @Test(arguments: [1, 7, 8, 9, 16, 17, 33, 100, 1000])
    func `A column is the mean of its frames, whatever the length of the file`(frames: Int) {
        // Within the range of levels, so that none is clipped.
        let rows = (0..<frames).map { frame in (0..<4).map { Float(sin(Double(frame * 7 + $0))) * 7 } }
        let columns = Self.columns(rows, bins: 2, limit: 8)
        #expect(columns.frames == frames)
        #expect((frames < 8 ? frames...frames : 4...8).contains(columns.count))
        var width = 1
        while (frames + width - 1) / width > 8 { width *= 2 }
        #expect(columns.framesPerColumn == width)
        var means: [Float] = []
        for start in stride(from: 0, to: frames, by: width) {
            let part = rows[start..<min(start + width, frames)]
            for bin in 0..<2 {
                let sum = part.reduce(Float(0)) { $0 + ($1[2 * bin] + $1[2 * bin + 1]) / 2 }
                means.append(sum / Float(part.count))
            }
        }
        let top = max(-1, means.max() ?? 0)
        let levels = columns.levels
        #expect(levels.count == means.count)
        for (level, mean) in zip(levels, means) {
            #expect(abs(level - min(1, max(0, 1 - (top - mean) / (7 * 2.302585)))) < 1e-4)
        }
    }

    @Test func `Silence is dark, and a file without frames has no picture`() {
        let silence = Self.columns([[Float](repeating: -15.9, count: 4)], bins: 4, limit: 8)
        #expect(silence.levels.allSatisfy { $0 < 0.1 })
        #expect(SpectrogramColumns(bins: 4, limit: 8).png == nil)
        #expect(silence.png?.starts(with: [0x89, 0x50, 0x4E, 0x47]) == true)
    }

    @Test func `Every character of ASCII has its own glyph, and accents are omitted`() {
        let letters = (0x21..<0x7F).compactMap { UnicodeScalar($0).map(Character.init) }
        #expect(Set(letters.map(PixelFont.columns)).count == letters.count)
        #expect(PixelFont.columns("é") == PixelFont.columns("e"))
        #expect(PixelFont.columns("Ä") == PixelFont.columns("A"))
        #expect(PixelFont.columns("語") == PixelFont.columns("\u{1F600}"))
    }

    @Test func `A PNG reader by the specification reads the pixels that were drawn`() throws {
        try #require(access("/usr/bin/python3", X_OK) == 0, "python3 is missing: make setup")
        var picture = Picture(width: 3, height: 2, background: RGB(1, 2, 3))
        picture.set(2, 1, RGB(255, 0, 128))
        picture.set(3, 0, RGB(9, 9, 9))
        let folder = try TestFolder()
        try folder.write(picture.png, to: "a.png")
        // Reverses the filters of section 9 of the PNG specification.
        let script = """
            import struct, sys, zlib
            data = open(sys.argv[1], 'rb').read()
            assert data[:8] == b'\\x89PNG\\r\\n\\x1a\\n'
            at, body = 8, b''
            while at < len(data):
                size, = struct.unpack('>I', data[at:at + 4])
                kind, part = data[at + 4:at + 8], data[at + 8:at + 8 + size]
                assert zlib.crc32(kind + part) == struct.unpack('>I', data[at + 8 + size:at + 12 + size])[0]
                if kind == b'IHDR': width, height, depth, color = struct.unpack('>IIBB', part[:10])
                if kind == b'IDAT': body += part
                at += 12 + size
            assert (width, height, depth, color) == (3, 2, 8, 2), (width, height, depth, color)
            raw, pixels, above = zlib.decompress(body), [], [0] * 9
            for row in range(2):
                line, out = raw[row * 10:row * 10 + 10], []
                for i in range(9):
                    a, b, c = (out[i - 3] if i > 2 else 0), above[i], (above[i - 3] if i > 2 else 0)
                    p = a + b - c
                    paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                    out.append((line[i + 1] + [0, a, b, (a + b) // 2, paeth][line[0]]) % 256)
                pixels += out; above = out
            assert pixels == [1, 2, 3] * 5 + [255, 0, 128], pixels
            """
        try folder.write(script, to: "read.py")
        #expect(system("/usr/bin/python3 \(folder.file("read.py")) \(folder.file("a.png"))") == 0)
    }
}

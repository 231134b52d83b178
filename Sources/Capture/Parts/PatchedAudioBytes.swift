private import Glibc

/// A part of a file of which some bytes are replaced, and which may end in front of the next FLAC stream.
///
/// A decoder stops at the length in a header, even when more sound follows: such a length is replaced. A
/// FLAC stream does not say where it ends; a second one behind it begins with a mark.
final class PatchedAudioBytes: FileAudioBytes {
    private let patches: [(offset: Int64, bytes: [UInt8])]
    private let endsAtFLAC: Bool

    /// - Parameters:
    ///   - patches: Offsets in the part, and the bytes to read there.
    ///   - endsAtFLAC: Whether the part ends before the second FLAC stream in it.
    init(
        _ descriptor: OwnedDescriptor, size: Int64, range: Range<Int64>,
        patches: [(offset: Int64, bytes: [UInt8])], endsAtFLAC: Bool = false
    ) {
        self.patches = patches
        self.endsAtFLAC = endsAtFLAC
        super.init(descriptor, size: size, range: range)
    }

    override func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
        let start = offset
        let got = super.read(into: target, count: count)
        if endsAtFLAC, let next = nextFLAC(in: UnsafeRawBufferPointer(start: target, count: got), at: start) {
            end(at: next)
            return Int(next - start)
        }
        for (at, bytes) in patches {
            for (index, byte) in bytes.enumerated() {
                let place = at + Int64(index) - start
                if (0..<Int64(got)).contains(place) {
                    target.storeBytes(of: byte, toByteOffset: Int(place), as: UInt8.self)
                }
            }
        }
        return got
    }

    /// Offset of a FLAC stream, other than the first, that begins in a block: the mark and the head of the
    /// block STREAMINFO, of 34 bytes, which comes first.
    private func nextFLAC(in block: UnsafeRawBufferPointer, at start: Int64) -> Int64? {
        let headBytes = 8
        let behind = start + Int64(block.count)
        let text =
            Array(block)
            + FileAudioBytes(descriptor, size: size, range: range).read(
                at: behind, count: headBytes - 1)
        return text.withUnsafeBytes { text -> Int64? in
            guard let base = text.baseAddress else { return nil }
            var from = start == 0 ? 1 : 0
            while from + headBytes <= text.count,
                let found = memchr(base + from, Int32(UInt8(ascii: "f")), text.count - from)
            {
                let place = UnsafeRawPointer(found) - base
                let head = text[place...].prefix(headBytes)
                if head.count == headBytes, head.starts(with: "fLaC".utf8), head[place + 4] & 0x7F == 0,
                    head.suffix(3).elementsEqual([0, 0, 34])
                {
                    return start + Int64(place)
                }
                from = place + 1
            }
            return nil
        }
    }
}

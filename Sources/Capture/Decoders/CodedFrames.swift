/// The frames of files that consist of nothing else, so that ffmpeg takes the end of the file for the end of
/// the sound wherever it is.
struct CodedFrames {
    /// Whether the last frame ends where the file does.
    private(set) var areWhole = true
    private(set) var count = 0
    /// Whether frames of AMR describe or omit the noise of a pause.
    private(set) var haveComfortNoise = false

    /// MLP and TrueHD: four bits of parity, then the length of the access unit in 16-bit words.
    init(lossless words: FileWords) {
        var at: Int64 = 0
        while at < words.length {
            guard let head = words.word(at: at) else {
                areWhole = false
                return
            }
            let bytes = Int64(head >> 16 & 0xFFF) * 2
            // Damage, about which ffmpeg knows more.
            if bytes < 4 { return }
            count += 1
            at += bytes
        }
        areWhole = at == words.length
    }

    /// Bytes of a frame with its head, by type; nil: there is no such type (RFC 4867, 3GPP TS 26.101 and
    /// 26.201).
    private static let narrowband: [Int64?] = [
        13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, nil, nil, nil, 1,
    ]
    private static let wideband: [Int64?] = [
        18, 24, 33, 37, 41, 47, 51, 59, 61, 6, nil, nil, nil, nil, 1, 1,
    ]
    static let amrSeconds = 0.02

    /// AMR with one channel.
    ///
    /// - Returns: nil for another file, or one with a frame of unknown type, whose length is unknown.
    init?(amr bytes: FileAudioBytes) {
        let head = bytes.read(at: 0, count: 9)
        let isWide = head.starts(with: "#!AMR-WB\n".utf8)
        guard isWide || head.starts(with: "#!AMR\n".utf8) else { return nil }
        let words = FileWords(bytes)
        var at: Int64 = isWide ? 9 : 6
        let speechTypes = isWide ? 9 : 8
        while at < bytes.length {
            guard let type = words.byte(at: at).map({ Int($0 >> 3 & 15) }),
                let length = (isWide ? Self.wideband : Self.narrowband)[type]
            else { return nil }
            if type >= speechTypes { haveComfortNoise = true }
            count += 1
            at += length
        }
        areWhole = at == bytes.length
    }
}

private import Frontend
private import Glibc
internal import Wire
private import SystemSupport

/// A directory of clips, `astd-TIME-ID-LABEL.wav`, 16 kHz mono, 16 bit. The oldest clips are removed when the
/// directory exceeds its limit.
struct ClipStore: Sendable {
    let directory: String
    let maximumBytes: Int

    private static let prefix = "astd-"
    private static let suffix = ".wav"
    private static let partialSuffix = ".wav.part"
    /// A clip that was not completed for so long belongs to a daemon that has been killed.
    private static let longestWriteSeconds = 600

    /// Writes a clip, then removes the oldest clips beyond the limit.
    ///
    /// - Returns: Why the clip could not be written; `nil` on success.
    func write(_ samples: [Float], of event: EventRecord) -> String? {
        let path = "\(directory)/\(Self.name(of: event))"
        let temporary = path + ".part"
        // Readable by the owner only: a clip may contain voices.
        let descriptor = open(
            temporary.systemPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return Self.failure(temporary) }
        let isWritten = Self.write(Self.header(samples: samples.count) + Self.bytes(samples), to: descriptor)
        let problem = isWritten ? nil : Self.failure(path)
        let isClosed = close(descriptor) == 0
        guard problem == nil, isClosed, rename(temporary.systemPath, path.systemPath) == 0 else {
            let reason = problem ?? Self.failure(path)
            unlink(temporary.systemPath)
            return reason
        }
        removeOldest()
        return nil
    }

    /// Removes the oldest clips beyond the limit, and incomplete ones of a daemon that was killed; other
    /// files are never removed.
    ///
    /// - Returns: The number of clips removed.
    @discardableResult
    func removeOldest() -> Int {
        var clips: [(name: String, bytes: Int)] = []
        for name in DirectoryNames.read(directory).names where name.hasPrefix(Self.prefix) {
            var status = stat()
            guard lstat("\(directory)/\(name)".systemPath, &status) == 0, status.st_mode & S_IFMT == S_IFREG
            else { continue }
            if name.hasSuffix(Self.suffix) {
                clips.append((name, Int(status.st_size)))
            } else if name.hasSuffix(Self.partialSuffix),
                time(nil) - status.st_mtim.tv_sec > Self.longestWriteSeconds
            {
                unlink("\(directory)/\(name)".systemPath)
            }
        }
        var bytes = clips.reduce(0) { $0 + $1.bytes }
        var removed = 0
        // Names sort by time.
        for clip in clips.sorted(by: { $0.name < $1.name }) where bytes > maximumBytes {
            if unlink("\(directory)/\(clip.name)".systemPath) == 0 {
                bytes -= clip.bytes
                removed += 1
            }
        }
        return removed
    }

    private static func name(of event: EventRecord) -> String {
        let time = event.time.description.filter { $0 != ":" && $0 != "-" }
        let label = event.label.unicodeScalars.prefix(64).map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil ? Character(scalar) : "_"
        }
        return "\(prefix)\(time)-\(event.id)-\(String(label))\(suffix)"
    }

    /// The header of a WAV file with 16-bit samples.
    private static func header(samples: Int) -> [UInt8] {
        func field<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        let rate = UInt32(FrontendConfig.sampleRateHz)
        let bytes = UInt32(2 * samples)
        var header = Array("RIFF".utf8)
        header += field(36 + bytes)
        header += Array("WAVEfmt ".utf8) + field(UInt32(16))
        // PCM, one channel.
        header += field(UInt16(1)) + field(UInt16(1))
        header += field(rate) + field(2 * rate)
        header += field(UInt16(2)) + field(UInt16(16))
        header += Array("data".utf8) + field(bytes)
        return header
    }

    /// 16-bit samples; those above full scale are clipped.
    private static func bytes(_ samples: [Float]) -> [UInt8] {
        let numbers = samples.map { sample in
            Int16(max(-32_768, min(32_767, (sample * 32_768).rounded()))).littleEndian
        }
        return numbers.withUnsafeBytes { Array($0) }
    }

    /// - Returns: false when the system refuses; `errno` says why.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func failure(_ path: String) -> String {
        "cannot write \(path): \(String(cString: strerror(errno)))"
    }
}

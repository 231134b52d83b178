private import Frontend
private import Glibc
internal import Wire
private import SystemSupport

/// A directory of clips, `astd-TIME-ID-LABEL.wav`, 16 bit. The oldest clips are removed when the
/// directory exceeds its limit, and those that are too old.
///
/// A wall clock that is set must not remove other clips than the oldest: see ``ClipLedger``.
struct ClipStore: Sendable {
    let directory: String
    let maximumBytes: Int
    /// Of the file system's size; `nil`: no such limit.
    var maximumDiskPercent: Double?
    /// `nil`: a clip of any age is kept.
    var maximumDays: Double?
    var ledger = ClipLedger()

    private static let prefix = "astd-"
    private static let suffix = ".wav"
    private static let partialSuffix = ".wav.part"
    /// A clip that was not completed for so long belongs to a daemon that has been killed.
    private static let longestWriteSeconds = 600

    /// Writes a clip, then removes the oldest clips beyond the limit.
    ///
    /// - Returns: Why the clip could not be written; `nil` on success.
    func write(_ samples: [Float], of event: EventRecord) -> String? {
        // Those above full scale are clipped.
        let values = samples.map { Int16(max(-32_768, min(32_767, ($0 * 32_768).rounded()))) }
        return write(
            OriginalHistory.Sound(values: values, rateHz: FrontendConfig.sampleRateHz, channels: 1), of: event
        )
    }

    /// As ``write(_:of:)``, at any rate and with any channels.
    func write(_ sound: OriginalHistory.Sound, of event: EventRecord) -> String? {
        let path = "\(directory)/\(Self.name(of: event))"
        let temporary = path + ".part"
        let descriptor = open(
            temporary.systemPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, fileMode)
        guard descriptor >= 0 else { return Self.failure(temporary) }
        let isWritten = Self.write(Self.header(of: sound) + Self.bytes(sound.values), to: descriptor)
        let problem = isWritten ? nil : Self.failure(path)
        let isClosed = close(descriptor) == 0
        guard problem == nil, isClosed, rename(temporary.systemPath, path.systemPath) == 0 else {
            let reason = problem ?? Self.failure(path)
            unlink(temporary.systemPath)
            return reason
        }
        ledger.add(path)
        removeOldest()
        return nil
    }

    /// Readable by the owner only, because a clip may contain voices; also by the directory's group where
    /// that was chosen: the directory passes its group on to its files (set-group-ID), and lets it read.
    private var fileMode: mode_t {
        var status = stat()
        guard stat(directory.systemPath, &status) == 0, status.st_mode & S_ISGID != 0 else { return 0o600 }
        return 0o600 | status.st_mode & S_IRGRP
    }

    /// The limit of all clips in bytes.
    var limitBytes: Int { min(maximumBytes, diskLimitBytes ?? .max) }

    /// The same for people.
    var limitText: String {
        guard let percent = maximumDiskPercent, let bytes = diskLimitBytes, bytes < maximumBytes else {
            return "\(maximumBytes / 1_000_000) MB"
        }
        return "\(percent) % of the disk, \(bytes / 1_000_000) MB"
    }

    /// `nil` without such a limit, or where the system does not know the size.
    private var diskLimitBytes: Int? {
        guard let percent = maximumDiskPercent else { return nil }
        var status = statvfs()
        guard statvfs(directory.systemPath, &status) == 0, status.f_blocks > 0 else { return nil }
        let bytes = Double(status.f_blocks) * Double(status.f_frsize)
        return Int(bytes * percent / 100)
    }

    /// How many clips were removed, and why.
    struct Removed: Equatable {
        var tooOld = 0
        var beyondLimit = 0
    }

    private struct Clip {
        var name: String
        var bytes: Int
        /// `nil` for a clip of an earlier run.
        var number: Int?
        /// `nil` while it is not known.
        var ageNanos: Int64?
    }

    /// Removes clips that are too old, the oldest ones beyond the limit, and incomplete ones of a daemon that
    /// was killed; other files are never removed.
    @discardableResult
    func removeOldest() -> Removed {
        var clips: [Clip] = []
        for name in DirectoryNames.read(directory).names where name.hasPrefix(Self.prefix) {
            var status = stat()
            guard lstat("\(directory)/\(name)".systemPath, &status) == 0, status.st_mode & S_IFMT == S_IFREG
            else { continue }
            if name.hasSuffix(Self.suffix) {
                clips.append(clip(name, status))
            } else if name.hasSuffix(Self.partialSuffix),
                time(nil) - status.st_mtim.tv_sec > Self.longestWriteSeconds
            {
                unlink("\(directory)/\(name)".systemPath)
            }
        }
        var bytes = clips.reduce(0) { $0 + $1.bytes }
        var removed = Removed()
        let limit = limitBytes
        // Those of this run are newer than all others, whatever their times. Names of others sort by time.
        for clip in clips.sorted(by: { ($0.number ?? 0, $0.name) < ($1.number ?? 0, $1.name) }) {
            let isTooOld = isTooOld(clip)
            guard isTooOld || bytes > limit, remove(clip) else { continue }
            bytes -= clip.bytes
            if isTooOld { removed.tooOld += 1 } else { removed.beyondLimit += 1 }
        }
        return removed
    }

    private func clip(_ name: String, _ status: stat) -> Clip {
        let path = "\(directory)/\(name)"
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        return Clip(
            name: name, bytes: Int(status.st_size), number: ledger.entry(of: path)?.number,
            ageNanos: maximumDays == nil ? nil : ledger.ageNanos(of: path, modifiedNanos: modified))
    }

    private func isTooOld(_ clip: Clip) -> Bool {
        guard let days = maximumDays, let age = clip.ageNanos else { return false }
        return Double(age) > days * 86_400e9
    }

    private func remove(_ clip: Clip) -> Bool {
        let path = "\(directory)/\(clip.name)"
        guard unlink(path.systemPath) == 0 else { return false }
        ledger.remove(path)
        return true
    }

    private static func name(of event: EventRecord) -> String {
        let time = event.time.description.filter { $0 != ":" && $0 != "-" }
        let label = event.label.unicodeScalars.prefix(64).map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil ? Character(scalar) : "_"
        }
        return "\(prefix)\(time)-\(event.id)-\(String(label))\(suffix)"
    }

    /// The header of a WAV file with 16-bit samples.
    private static func header(of sound: OriginalHistory.Sound) -> [UInt8] {
        func field<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.littleEndian) { Array($0) }
        }
        let rate = UInt32(sound.rateHz)
        let frameBytes = UInt32(2 * sound.channels)
        let bytes = UInt32(2 * sound.values.count)
        var header = Array("RIFF".utf8)
        header += field(36 + bytes)
        header += Array("WAVEfmt ".utf8) + field(UInt32(16))
        // PCM.
        header += field(UInt16(1)) + field(UInt16(sound.channels))
        header += field(rate) + field(frameBytes * rate)
        header += field(UInt16(frameBytes)) + field(UInt16(16))
        header += Array("data".utf8) + field(bytes)
        return header
    }

    private static func bytes(_ values: [Int16]) -> [UInt8] {
        values.map(\.littleEndian).withUnsafeBytes { Array($0) }
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

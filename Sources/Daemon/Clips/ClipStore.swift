private import CSndfile
private import Frontend
private import Glibc
internal import Wire
private import SystemSupport

/// A directory of clips, `astd-TIME-ID-LABEL.wav`, 16 kHz mono, 16 bit. The oldest clips are removed when the
/// directory exceeds its limit.
struct ClipStore: Sendable {
    let directory: String
    let maximumBytes: Int

    /// Writes a clip, then removes the oldest clips beyond the limit.
    ///
    /// - Returns: Why the clip could not be written; `nil` on success.
    func write(_ samples: [Float], of event: EventRecord) -> String? {
        let path = "\(directory)/\(Self.name(of: event))"
        let temporary = path + ".part"
        // Readable by the owner only: a clip may contain voices.
        let descriptor = open(
            temporary.systemPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return "\(temporary): \(String(cString: strerror(errno)))" }
        var info = SF_INFO()
        info.samplerate = Int32(FrontendConfig.sampleRateHz)
        info.channels = 1
        info.format = Int32(SF_FORMAT_WAV | SF_FORMAT_PCM_16)
        guard let file = sf_open_fd(descriptor, Int32(SFM_WRITE), &info, 0) else {
            close(descriptor)
            unlink(temporary.systemPath)
            return "\(temporary): \(String(cString: sf_strerror(nil)))"
        }
        // Clip samples above full scale; by default they would wrap around.
        sf_command(file, Int32(SFC_SET_CLIPPING), nil, Int32(SF_TRUE))
        let written = sf_writef_float(file, samples, sf_count_t(samples.count))
        let isWritten = sf_close(file) == 0 && written == samples.count
        let isClosed = close(descriptor) == 0
        guard isWritten, isClosed, rename(temporary.systemPath, path.systemPath) == 0 else {
            unlink(temporary.systemPath)
            return "cannot write \(path)"
        }
        removeOldest()
        return nil
    }

    private static func name(of event: EventRecord) -> String {
        let time = event.time.description.filter { $0 != ":" && $0 != "-" }
        let label = event.label.unicodeScalars.prefix(64).map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil ? Character(scalar) : "_"
        }
        return "astd-\(time)-\(event.id)-\(String(label)).wav"
    }

    /// Removes the oldest clips beyond the limit; other files are never removed.
    private func removeOldest() {
        var clips: [(name: String, bytes: Int)] = []
        for name in DirectoryNames.read(directory).names {
            var status = stat()
            guard name.hasPrefix("astd-"), name.hasSuffix(".wav"),
                lstat("\(directory)/\(name)".systemPath, &status) == 0, status.st_mode & S_IFMT == S_IFREG
            else { continue }
            clips.append((name, Int(status.st_size)))
        }
        var bytes = clips.reduce(0) { $0 + $1.bytes }
        // Names sort by time.
        for clip in clips.sorted(by: { $0.name < $1.name }) where bytes > maximumBytes {
            if unlink("\(directory)/\(clip.name)".systemPath) == 0 { bytes -= clip.bytes }
        }
    }
}

internal import SystemSupport

/// The `ffmpeg` program: where it is, and how it is called.
///
/// The input is untrusted. ffmpeg gets it as an open descriptor and must take it for the format that its
/// first bytes announce, so that no name and no content can lead to another file, a playlist or the network.
public enum FFmpeg {
    /// Whether files that need ffmpeg can be decoded.
    public static var isInstalled: Bool { if case .found = program() { true } else { false } }

    enum Program: Equatable {
        case found(String)
        case missing
        /// What `$ASTD_FFMPEG` names.
        case notAProgram(String)
    }

    /// `$ASTD_FFMPEG`, a path or a name, else `ffmpeg`; names are looked up in `$PATH`.
    static func program(_ environment: Environment = .process) -> Program {
        let named = environment["ASTD_FFMPEG"]
        let name = named ?? "ffmpeg"
        let candidates =
            name.contains("/")
            ? [name]
            : (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
                .filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
        if let path = candidates.first(where: ExecutableFile.exists(atPath:)) { return .found(path) }
        return named.map { .notAProgram($0) } ?? .missing
    }

    /// Decodes the first audio stream of standard input, at its own rate and channels, to a WAV stream of
    /// floats on standard output; messages have their level in brackets.
    ///
    /// - Parameters:
    ///   - demuxer: The only one that may read the input.
    ///   - filters: For the sound; nil for none.
    static func arguments(demuxer: String, filters: String? = nil) -> [String] {
        let filtering = filters.map { ["-af", $0] } ?? []
        return [
            "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info", "-threads", "1",
            "-protocol_whitelist", "file", "-f", demuxer,
            // Standard input opened once more: it can be sought in, and its offset is this process's own.
            "-i", "file:/proc/self/fd/0",
            "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
        ] + filtering + [
            "-filter_threads", "1", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1",
        ]
    }

    /// Nothing of the user's settings; a program outside the system's directories may need its libraries.
    static func environment(_ own: Environment = .process) -> [String] {
        ["LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1"]
            + ["PATH", "LD_LIBRARY_PATH"].compactMap { name in own[name].map { "\(name)=\($0)" } }
    }

    /// Decoding takes a few hundredths of the sound's length, and tens of megabytes; ffmpeg and its libraries
    /// map some hundred.
    static let limits = ChildProgram.Limits(cpuSeconds: 6 * 3600, addressBytes: 2 << 30, openFiles: 64)
}

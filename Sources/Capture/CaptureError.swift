public import SystemSupport

/// Why requested audio cannot be read: what was expected and what was found.
///
/// ``description`` is one line, "what is wrong: what to do". ``code`` is for programs.
public enum CaptureError: Error, Equatable, Sendable {
    /// The path does not exist.
    case fileNotFound(path: String)
    /// This user must not read the file, or a folder on its path.
    case permissionDenied(path: String)
    /// The path names a folder.
    case isDirectory(path: String)
    /// The path names a pipe, socket or device; `found` says which.
    case notRegularFile(path: String, found: String)
    /// The file has no bytes.
    case emptyFile(name: String)
    /// The file is audio but contains no samples.
    case noFrames(name: String)
    /// The bytes are not audio; `found` says what they look like.
    case notAudio(name: String, found: String)
    /// The bytes start as audio and are damaged further on; `detail` is the decoder's wording.
    case malformed(name: String, detail: String)
    /// The file is cut off or damaged, or more sound follows what could be read; `detail` has both lengths.
    case truncated(name: String, detail: String)
    /// The audio has an unsupported format or size; `wanted` says what to do.
    case unsupported(name: String, wanted: String, found: String)
    /// The audio is of a kind that only ffmpeg decodes, and ffmpeg cannot be run; `kind` is what it is,
    /// `program` is `$ASTD_FFMPEG` where that does not name a program, nil when ffmpeg is not installed.
    case needsFFmpeg(name: String, kind: String, program: String?)
    /// The file holds no sound, only video or data.
    case noAudioStream(name: String, kind: String)
    /// A sample is NaN, infinite or beyond ``CaptureFormat/largestMagnitude``; `frame` is the first such
    /// frame, counted from 0 at the file's own rate.
    case nonFinite(name: String, frame: Int64, value: String)
    /// The file has fewer channels; `wanted` counts from 1.
    case noSuchChannel(name: String, wanted: Int, available: Int)
    /// A live source has fewer channels than streams of single channels were requested.
    case fewChannels(name: String, wanted: Int, available: Int)
    /// A system call failed; `reason` is the system's wording for its error number.
    case system(name: String, operation: String, reason: String)
    /// The capture thread cannot be started.
    case thread(ThreadError)
    /// No PulseAudio server answered.
    case noServer(server: PulseAddress, reason: String)
    /// A PulseAudio server accepts connections, and answers no request: it hangs, or its process is stopped.
    case serverHangs(server: PulseAddress)
    /// A PulseAudio server answered, and does not admit this user.
    case serverRefused(server: PulseAddress, reason: String)
    /// The server has no source of that name; `available` lists its sources.
    case noSuchSource(wanted: String, available: [String])
    /// The server refused to record from the source.
    case sourceRefused(wanted: String, reason: String)
    /// The source stopped delivering samples.
    case sourceSilent(name: String, reason: String)
    /// A pipe, socket or program delivers no audio now; astd tries again.
    case streamLost(name: String, reason: String)
    /// The text is not a source specification.
    case badSpec(found: String)
    /// The text after `command:` is not a program and its arguments.
    case badCommand(found: String, reason: String)
}

extension CaptureError {
    /// A short, stable word for programs.
    public var code: String {
        switch self {
        case .fileNotFound: "not_found"
        case .permissionDenied: "permission_denied"
        case .isDirectory: "is_directory"
        case .notRegularFile: "not_a_file"
        case .emptyFile, .noFrames, .noAudioStream: "empty"
        case .notAudio: "not_audio"
        case .malformed, .system, .thread: "unreadable"
        case .truncated: "truncated"
        case .unsupported, .needsFFmpeg: "unsupported"
        case .nonFinite: "non_finite"
        case .noSuchChannel, .fewChannels: "no_such_channel"
        case .noServer: "no_server"
        case .serverHangs: "server_hangs"
        case .serverRefused: "server_refused"
        case .noSuchSource: "no_such_source"
        case .sourceRefused: "source_refused"
        case .sourceSilent: "source_silent"
        case .streamLost: "stream_lost"
        case .badSpec, .badCommand: "bad_spec"
        }
    }
}

extension CaptureError: CustomStringConvertible {
    /// One line: what is wrong, and what to do about it.
    public var description: String { PathText.printable(Credentials.masked(wording)) }

    private var wording: String {
        switch self {
        case .fileNotFound(let path):
            "\(path) does not exist: check the path"
        case .permissionDenied(let path):
            "\(path) cannot be read: give this user read permission"
        case .isDirectory(let path):
            "\(path) is a folder, not an audio file: name a file in it"
        case .notRegularFile(let path, let found) where found.hasSuffix("device"):
            "\(path) is \(found), not an audio file: name a file of recorded sound"
        case .notRegularFile(let path, let found):
            "\(path) is \(found), not a regular file: copy it to a file, or pipe it to `astd classify -`"
        case .emptyFile(let name):
            "\(name) is empty (0 bytes): check how it was written"
        case .noFrames(let name):
            "\(name) contains no audio (0 samples): check how it was written"
        case .notAudio(let name, let found):
            "\(name) is not audio, it looks like \(found): give a WAV, FLAC, Ogg, Opus, MP3 or AIFF file"
        case .malformed(let name, let detail):
            "\(name) is damaged (\(detail)): create or download it again"
        case .truncated(let name, let detail):
            "\(name) is truncated or damaged (\(detail)): check how it was written"
        case .unsupported(let name, let wanted, let found):
            "\(name) has \(found), which is not supported: \(wanted)"
        case .needsFFmpeg(let name, let kind, let program?):
            "\(name) is \(kind), which needs ffmpeg, but $ASTD_FFMPEG names \(program), which is not a "
                + "program: correct or unset it"
        case .needsFFmpeg(let name, let kind, nil):
            "\(name) is \(kind), which needs ffmpeg: install it (apt install ffmpeg)"
        case .noAudioStream(let name, let kind):
            "\(name) is \(kind) and has no audio stream: give a file with sound"
        case .nonFinite(let name, let frame, let value):
            "\(name) has an invalid sample (\(value)) at frame \(frame): repair or re-encode the file"
        case .noSuchChannel(let name, let wanted, let available):
            "\(name) has \(available == 1 ? "1 channel" : "\(available) channels"), not \(wanted): choose "
                + (available == 1 ? "channel 1" : "a channel from 1 to \(available)") + ", or mix"
        case .fewChannels(let name, let wanted, let available):
            "\(name) has \(available == 1 ? "1 channel" : "\(available) channels"), and `channel: each` "
                + "expects \(wanted): write channel: \(available == 1 ? "mix" : "each:\(available)")"
        case .system(let name, let operation, let reason):
            "\(name): \(operation) failed (\(reason)): check the file and its disk"
        case .thread(let error):
            error.description
        case .noServer(let server, let reason):
            "no PulseAudio server answers at \(server.text) (\(reason)): "
                + (server.origin == .environment
                    ? "correct PULSE_SERVER, which names it, or start that server"
                    : "start one with `pulseaudio --start` or pipewire-pulse, or set PULSE_SERVER")
        case .serverHangs(let server):
            // First what is wrong: a screen of 80 columns cuts what follows the address.
            "the PulseAudio server does not answer (\(server.text)): it hangs or its process is stopped; "
                + "restart it, or wait until it continues"
        case .serverRefused(let server, let reason):
            "the PulseAudio server at \(server.text) refuses this user (\(reason)): give astd that server's cookie "
                + "(PULSE_COOKIE), or add its user to the group that the server admits (see docs/service.md)"
        case .noSuchSource(let wanted, let available):
            if available.isEmpty {
                "the PulseAudio server has no sources (requested: \(wanted)): connect a microphone"
            } else {
                "no PulseAudio source matches \(wanted): choose one of "
                    + available.map { "pulse:\($0)" }.joined(separator: ", ")
            }
        case .sourceRefused(let wanted, let reason):
            "the PulseAudio server refused to record from \(wanted) (\(reason)): check the server's log"
        case .sourceSilent(let name, let reason):
            "\(name) stopped delivering audio (\(reason)); waiting for it to resume"
        case .streamLost(let name, let reason):
            "\(name) \(reason)"
        case .badSpec(let found):
            "\"\(found)\" is not an audio source"
                + (SourceSpec.suggestion(for: found).map { " (did you mean \($0)?)" } ?? "")
                + ": use pulse, pulse:NAME, file:PATH, stdin[:rate=44100,channels=2,format=s16le], "
                + "pipe:PATH[?rate=44100&channels=2&format=s16le] or command:PROGRAM ARGUMENTS"
        case .badCommand(let found, let reason):
            "\"\(found)\" is not a command: \(reason)"
        }
    }
}

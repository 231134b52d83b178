public import SystemSupport

/// Everything that can be wrong with audio that was asked for: what was wanted and what was found.
///
/// ``description`` is one line, "what is wrong: what to do". ``code`` is for programs.
public enum CaptureError: Error, Equatable, Sendable {
    /// Nothing has this path.
    case fileNotFound(path: String)
    /// The file, or a folder on the way to it, may not be read by this user.
    case permissionDenied(path: String)
    /// A folder stands where a file was wanted.
    case isDirectory(path: String)
    /// A pipe, socket or device stands where a regular file was wanted; `found` says which.
    case notRegularFile(path: String, found: String)
    /// The file has no bytes at all.
    case emptyFile(name: String)
    /// The file is audio, but holds no sample.
    case noFrames(name: String)
    /// The bytes are not audio; `found` says what they look like.
    case notAudio(name: String, found: String)
    /// The bytes begin as audio and then make no sense; `detail` is the decoder's own wording.
    case malformed(name: String, detail: String)
    /// It is audio of a kind or size that is not taken; `wanted` says what is.
    case unsupported(name: String, wanted: String, found: String)
    /// A sample is NaN, infinite or absurdly large; `frame` is the first such one, counted from 0 in the
    /// file's own rate.
    case nonFinite(name: String, frame: Int64, value: String)
    /// A system call failed; `reason` is the system's wording for its error number.
    case system(name: String, operation: String, reason: String)
    /// The capture thread cannot be started.
    case thread(ThreadError)
    /// No PulseAudio server answered; `server` is the address that was asked for, nil for the default.
    case noServer(server: String?, reason: String)
    /// The server has no source of that name; `available` lists those it has.
    case noSuchSource(wanted: String, available: [String])
    /// The server is there and the source exists, but it would not be recorded from.
    case sourceRefused(wanted: String, reason: String)
    /// The source was recorded from and gives nothing any more.
    case sourceSilent(name: String, reason: String)
    /// A source specification that is none.
    case badSpec(found: String)
}

extension CaptureError {
    /// A short, stable word for programs.
    public var code: String {
        switch self {
        case .fileNotFound: "not_found"
        case .permissionDenied: "permission_denied"
        case .isDirectory: "is_directory"
        case .notRegularFile: "not_a_file"
        case .emptyFile, .noFrames: "empty"
        case .notAudio: "not_audio"
        case .malformed, .system, .thread: "unreadable"
        case .unsupported: "unsupported"
        case .nonFinite: "non_finite"
        case .noServer: "no_server"
        case .noSuchSource: "no_such_source"
        case .sourceRefused: "source_refused"
        case .sourceSilent: "source_silent"
        case .badSpec: "bad_spec"
        }
    }
}

extension CaptureError: CustomStringConvertible {
    /// One line: what is wrong, and what to do about it.
    public var description: String { OneLine.escaped(wording) }

    private var wording: String {
        switch self {
        case .fileNotFound(let path):
            "\(path) does not exist: check the path"
        case .permissionDenied(let path):
            "\(path) may not be read: give this user read permission"
        case .isDirectory(let path):
            "\(path) is a folder, not an audio file: name a file in it"
        case .notRegularFile(let path, let found):
            "\(path) is \(found), not a regular file: send it to standard input instead"
        case .emptyFile(let name):
            "\(name) is empty (0 bytes): check how it was written"
        case .noFrames(let name):
            "\(name) holds no audio, its length is 0 samples: check how it was written"
        case .notAudio(let name, let found):
            "\(name) is not audio, it looks like \(found): give a WAV, FLAC, Ogg, Opus, MP3 or AIFF file"
        case .malformed(let name, let detail):
            "\(name) is damaged (\(detail)): make or fetch it again"
        case .unsupported(let name, let wanted, let found):
            "\(name) has \(found), which is not supported: \(wanted)"
        case .nonFinite(let name, let frame, let value):
            "\(name) has \(value) at frame \(frame), which is no sample: repair or convert the file"
        case .system(let name, let operation, let reason):
            "\(name) could not be used, \(operation) failed (\(reason)): check the file and its disk"
        case .thread(let error):
            error.description
        case .noServer(let server, let reason):
            "no PulseAudio server answers\(server.map { " at \($0)" } ?? "") (\(reason)): start one with "
                + "`pulseaudio --start` or pipewire-pulse, or set PULSE_SERVER"
        case .noSuchSource(let wanted, let available):
            if available.isEmpty {
                "the PulseAudio server has no source for \(wanted), nor any other: connect a microphone"
            } else {
                "no PulseAudio source matches \(wanted): choose one of \(available.joined(separator: ", "))"
            }
        case .sourceRefused(let wanted, let reason):
            "the PulseAudio server would not record from \(wanted) (\(reason)): look at the server's log"
        case .sourceSilent(let name, let reason):
            "\(name) gives no sound any more (\(reason)): astd waits for it"
        case .badSpec(let found):
            "\"\(found)\" is not an audio source: use pulse, pulse:NAME, file:PATH or stdin"
        }
    }
}

/// Names of files and devices come from outside and may hold anything; a message stays one line.
enum OneLine {
    /// The text with control characters written as `\u{..}`.
    static func escaped(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                line += scalar.escaped(asASCII: true)
            default:
                line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}

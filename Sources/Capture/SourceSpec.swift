internal import SystemSupport

/// An audio source as `--source` names it.
public enum SourceSpec: Equatable, Sendable {
    /// A PulseAudio source: the first whose name or description matches a glob, or the server's default.
    case pulse(pattern: String?)
    /// An audio file.
    case file(path: String)
    /// Standard input: a stream with a header, or headerless samples of this format; nil for 16-bit mono at
    /// 16 kHz.
    case stdin(SampleFormat? = nil)
    /// A named pipe or Unix stream socket with writers that come and go; the format as for standard input.
    case pipe(path: String, format: SampleFormat? = nil)
    /// A program whose standard output is audio.
    case command(SourceCommand)

    /// Parses `pulse`, `pulse:GLOB`, `file:PATH`, `stdin`, `stdin:rate=44100,channels=2,format=s16le`,
    /// `pipe:PATH`, `pipe:PATH?rate=44100&channels=2&format=s16le` or `command:PROGRAM ARGUMENTS`.
    ///
    /// - Throws: ``CaptureError/badSpec(found:)`` for anything else, also for an empty glob or path;
    ///   ``CaptureError/badCommand(found:reason:)``.
    public init(parsing text: String) throws(CaptureError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let argument = parts.count == 2 ? String(parts[1]) : nil
        switch (parts.first.map(String.init), argument) {
        case ("pulse", nil): self = .pulse(pattern: nil)
        case ("pulse", let pattern?) where !pattern.isEmpty: self = .pulse(pattern: pattern)
        case ("file", let path?) where !path.isEmpty: self = .file(path: path)
        case ("stdin", nil): self = .stdin(nil)
        case ("stdin", let fields?):
            guard let format = SampleFormat(parsing: fields) else { throw .badSpec(found: text) }
            self = .stdin(format)
        case ("pipe", let pipe?) where !pipe.isEmpty: self = try Self.parsePipe(pipe, in: text)
        case ("command", let command?): self = .command(try SourceCommand(parsing: command))
        default: throw .badSpec(found: text)
        }
    }

    /// What follows the last question mark is the format if it looks like one, otherwise part of the path.
    private static func parsePipe(_ pipe: String, in text: String) throws(CaptureError) -> SourceSpec {
        guard let mark = pipe.lastIndex(of: "?"), pipe[mark...].contains("=") else {
            return .pipe(path: pipe)
        }
        let fields = pipe[pipe.index(after: mark)...].replacing("&", with: ",")
        guard let format = SampleFormat(parsing: String(fields)), mark > pipe.startIndex else {
            throw .badSpec(found: text)
        }
        return .pipe(path: String(pipe[..<mark]), format: format)
    }

    /// Whether it does not wait for astd: samples of an interruption or a pause are lost.
    public var isLive: Bool {
        switch self {
        case .pulse, .pipe, .command: true
        case .file, .stdin: false
        }
    }

    /// Creates the source; nothing is opened before it is started.
    ///
    /// - Parameters:
    ///   - paced: Whether a file plays in real time; otherwise as fast as the consumer reads. Other sources
    ///     have their own pace.
    ///   - startsPaused: Whether nothing is opened or read before ``AudioSource/resume()``.
    ///   - signal: What happens to the sound of a live source: all but a file and standard input.
    ///   - pulseServer: Address of the PulseAudio server; nil for `PULSE_SERVER` or the user's own.
    ///   - original: Receives the frames of a live source as they were captured.
    public func makeSource(
        paced: Bool, startsPaused: Bool = false, signal: SignalSettings = SignalSettings(),
        pulseServer: String?, original: OriginalRing? = nil
    ) -> any AudioSource {
        switch self {
        case .pulse(let pattern):
            PulseSource(
                pattern: pattern, server: pulseServer, signal: signal, startsPaused: startsPaused,
                keepsRate: original != nil, original: original)
        case .pipe(let path, let format):
            LiveSource(
                name: description, subject: path, threadName: "astd-pipe", format: format, signal: signal,
                startsPaused: startsPaused, original: original
            ) { PipeOpener(path: path) }
        case .command(let command):
            LiveSource(
                name: description, subject: command.programName, threadName: "astd-command", format: nil,
                signal: signal, startsPaused: startsPaused, original: original
            ) { CommandOpener(command) }
        case .file(let path): FileSource(path: path, paced: paced, startsPaused: startsPaused)
        case .stdin(let format): StdinSource(format: format, startsPaused: startsPaused)
        }
    }
}

extension SourceSpec {
    /// What an invalid text probably stands for: a name or path without its scheme, a scheme in capitals, or
    /// what only another program can read: an address, or a device of ALSA.
    ///
    /// - Returns: A source in the form of ``init(parsing:)``; nil when nothing is probable.
    package static func suggestion(for text: String) -> String? {
        let scheme = String(text.prefix { $0 != ":" })
        let rest = text.dropFirst(scheme.count)
        if ["-", "/dev/stdin"].contains(text) { return "stdin" }
        let isScheme = ["pulse", "file", "stdin", "pipe", "command"].contains(scheme.lowercased())
        if isScheme, (try? SourceSpec(parsing: scheme.lowercased() + rest)) != nil {
            return scheme.lowercased() + rest
        }
        if ["pipe", "command"].contains(scheme.lowercased()) { return nil }
        if rest.hasPrefix("://"), scheme.lowercased() != "file" { return commandLine(address: text) }
        if ["hw", "plughw", "alsa"].contains(scheme), rest.utf8.count > 1 {
            let device = scheme == "alsa" ? String(rest.dropFirst()) : text
            return commandLine("arecord -q -D ", device, " -t wav -f S16_LE -r 16000")
        }
        let endings = [".wav", ".flac", ".ogg", ".mp3", ".opus", ".m4a", ".aiff"]
        if text.contains("/") || endings.contains(where: { text.lowercased().hasSuffix($0) }) {
            return scheme.lowercased() == "file" || rest.hasPrefix("://") ? nil : "file:\(text)"
        }
        // Names of PulseAudio sources can contain colons, behind a bus path.
        let isName = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } && !isScheme
        return isName && scheme.contains(where: "._*".contains) ? "pulse:\(text)" : nil
    }
}

extension SourceSpec {
    /// A program that fetches a stream.
    private static func commandLine(address: String) -> String? {
        let isCamera = address.lowercased().hasPrefix("rtsp")
        return commandLine(
            "ffmpeg -nostdin -v error \(isCamera ? "-rtsp_transport tcp " : "")-i ", address,
            "\(isCamera ? " -vn" : "") -f wav -")
    }

    /// nil for an argument that needs quotes.
    private static func commandLine(_ start: String, _ argument: String, _ end: String) -> String? {
        let isPlain = argument.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !#""'\"#.utf8.contains($0) }
        return isPlain ? "command:" + start + argument + end : nil
    }
}

extension SourceSpec: CustomStringConvertible {
    /// The form that ``init(parsing:)`` reads, except that passwords in a command are masked.
    public var description: String {
        switch self {
        case .pulse(nil): "pulse"
        case .pulse(let pattern?): "pulse:\(pattern)"
        case .file(let path): "file:\(path)"
        case .stdin(nil): "stdin"
        case .stdin(let format?): "stdin:\(format.text)"
        case .pipe(let path, nil): "pipe:\(path)"
        case .pipe(let path, let format?): "pipe:\(path)?\(format.text.replacing(",", with: "&"))"
        case .command(let command): "command:\(Credentials.masked(command.text))"
        }
    }
}

/// An audio source as `--source` names it.
public enum SourceSpec: Equatable, Sendable {
    /// A PulseAudio source: the first whose name or description matches a glob, or the server's default.
    case pulse(pattern: String?)
    /// An audio file.
    case file(path: String)
    /// Standard input: a stream with a header, or headerless samples of this format; nil for 16-bit mono at
    /// 16 kHz.
    case stdin(SampleFormat? = nil)

    /// Parses `pulse`, `pulse:GLOB`, `file:PATH`, `stdin` or `stdin:rate=44100,channels=2,format=s16le`.
    ///
    /// - Throws: ``CaptureError/badSpec(found:)`` for anything else, also for an empty glob or path.
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
        default: throw .badSpec(found: text)
        }
    }

    /// Creates the source; nothing is opened before it is started.
    ///
    /// - Parameters:
    ///   - paced: Whether a file plays in real time; otherwise as fast as the consumer reads. Other sources
    ///     have their own pace.
    ///   - startsPaused: Whether a file or standard input is not read before ``AudioSource/resume()``.
    ///   - pulseServer: Address of the PulseAudio server; nil for `PULSE_SERVER` or the user's own.
    public func makeSource(paced: Bool, startsPaused: Bool = false, pulseServer: String?) -> any AudioSource {
        switch self {
        case .pulse(let pattern): PulseSource(pattern: pattern, server: pulseServer)
        case .file(let path): FileSource(path: path, paced: paced, startsPaused: startsPaused)
        case .stdin(let format): StdinSource(format: format, startsPaused: startsPaused)
        }
    }
}

extension SourceSpec {
    /// What an invalid text probably stands for: a name or path without its scheme, or a scheme in capitals.
    ///
    /// - Returns: A source in the form of ``init(parsing:)``; nil when nothing is probable.
    static func suggestion(for text: String) -> String? {
        let scheme = String(text.prefix { $0 != ":" })
        let rest = text.dropFirst(scheme.count)
        if ["-", "/dev/stdin"].contains(text) { return "stdin" }
        let isScheme = ["pulse", "file", "stdin"].contains(scheme.lowercased())
        if isScheme, (try? SourceSpec(parsing: scheme.lowercased() + rest)) != nil {
            return scheme.lowercased() + rest
        }
        let endings = [".wav", ".flac", ".ogg", ".mp3", ".opus", ".m4a", ".aiff"]
        if text.contains("/") || endings.contains(where: { text.lowercased().hasSuffix($0) }) {
            return scheme.lowercased() == "file" || rest.hasPrefix("://") ? nil : "file:\(text)"
        }
        // Names of PulseAudio sources can contain colons, behind a bus path.
        let isName = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } && !isScheme
        return isName && !text.isEmpty && (rest.isEmpty || scheme.contains(".")) ? "pulse:\(text)" : nil
    }
}

extension SourceSpec: CustomStringConvertible {
    /// The form that ``init(parsing:)`` reads.
    public var description: String {
        switch self {
        case .pulse(nil): "pulse"
        case .pulse(let pattern?): "pulse:\(pattern)"
        case .file(let path): "file:\(path)"
        case .stdin(nil): "stdin"
        case .stdin(let format?): "stdin:\(format.text)"
        }
    }
}

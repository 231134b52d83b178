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

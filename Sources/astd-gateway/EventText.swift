internal import Gateway
internal import Glibc
internal import SystemSupport
internal import TextSupport
internal import Wire

/// Events and summaries as lines for people and for spreadsheets.
enum EventText {
    /// `2026-02-01 09:29:58  kitchen  Siren            12.5 s  0.983`.
    static func line(_ event: HistoryEvent, zone: TimeZoneRule = .local) -> String {
        let duration = event.duration.map { seconds($0) } ?? "now"
        let name = event.source.map { "\(event.daemon)/\($0)" } ?? event.daemon
        var line = "\(local(event.begin, zone))  \(padded(name, 12))  \(padded(event.label, 24))"
        line += "  \(paddedLeft(duration, 9))  \(score(event.peakScore))  \(event.id)"
        if event.isInterrupted { line += "  interrupted" }
        if let adapter = event.adapter { line += "  [\(adapter)]" }
        switch event.review {
        case .right?: line += "  right"
        case .wrong?: line += "  wrong"
        case .other(let label)?: line += "  is \(label)"
        case nil: break
        }
        return PathText.printable(line)
    }

    static let csvHeader =
        "daemon,source,id,label,adapter,begin,end,duration,peak_score,clip,review,review_label,interrupted"

    static func csv(_ event: HistoryEvent) -> String {
        [
            event.daemon, event.source ?? "", event.id, event.label, event.adapter ?? "",
            event.begin.description,
            event.end?.description ?? "",
            event.duration.flatMap { FixedDecimals.text($0, decimals: 3) } ?? "",
            event.peakScore.isFinite ? event.peakScore.description : "", event.clip ?? "",
            event.review?.text ?? "", event.review?.label ?? "", event.isInterrupted ? "true" : "false",
        ].map(field).joined(separator: ",")
    }

    static func csv(_ summary: EventSummary) -> String {
        [
            summary.begin.description, summary.daemon, summary.label, "\(summary.count)",
            FixedDecimals.text(summary.totalSeconds, decimals: 3) ?? "",
            FixedDecimals.text(summary.longestSeconds, decimals: 3) ?? "",
            summary.peakScore.isFinite ? summary.peakScore.description : "",
        ].map(field).joined(separator: ",")
    }

    /// A line per summary under a header; the day or hour only where it changes.
    static func table(_ summaries: [EventSummary], isHourly: Bool, offset: Int) -> [String] {
        if summaries.isEmpty { return ["no events"] }
        let width = isHourly ? 16 : 10
        var lines = [
            padded(isHourly ? "hour" : "day", width) + "  " + padded("daemon", 12) + "  "
                + padded("label", 24) + "  count      total    longest  highest"
        ]
        var last = ""
        for summary in summaries {
            let time = local(summary.begin, .offset(offset)).prefix(width)
            let row = [
                padded(time == last ? "" : String(time), width), padded(summary.daemon, 12),
                padded(summary.label, 24), paddedLeft("\(summary.count)", 5),
                paddedLeft(seconds(summary.totalSeconds), 9), paddedLeft(seconds(summary.longestSeconds), 9),
                paddedLeft(score(summary.peakScore), 7),
            ]
            lines.append(PathText.printable(row.joined(separator: "  ")))
            last = String(time)
        }
        return lines
    }

    /// Quoted where a spreadsheet needs it (RFC 4180).
    private static func field(_ text: String) -> String {
        text.contains { ",\"\r\n".contains($0) || $0.isNewline }
            ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }

    private static func local(_ time: Timestamp, _ zone: TimeZoneRule) -> String {
        let (seconds, rest) = time.unixNanos.quotientAndRemainder(dividingBy: 1_000_000_000)
        let offset = zone.offsetSeconds(atUnixSeconds: Int(seconds) - (rest < 0 ? 1 : 0))
        let text = time.text(offsetSeconds: offset)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8))"
    }

    private static func seconds(_ value: Double) -> String {
        (FixedDecimals.text(value, decimals: 1) ?? "?") + " s"
    }

    private static func score(_ value: Float) -> String {
        FixedDecimals.text(Double(value), decimals: 3) ?? "-"
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        let short = text.count > width ? text.prefix(width - 1) + "…" : text
        return short + String(repeating: " ", count: width - short.count)
    }

    private static func paddedLeft(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// Standard output, written in blocks.
final class TextOutput {
    private var buffer: [UInt8] = []
    private var failure: Int32 = 0

    func line(_ text: String) { bytes(text.utf8 + [0x0A]) }

    func bytes(_ bytes: some Sequence<UInt8>) {
        buffer += bytes
        if buffer.count > 1 << 16 { flush() }
    }

    /// Ends the program if the output could not be written, silently if its reader has closed the pipe.
    func finish() throws {
        flush()
        if failure == EPIPE { exit(0) }
        if failure != 0 {
            let reason = String(cString: strerror(failure))
            throw Failure.general("cannot write the output: \(reason): check its destination")
        }
    }

    private func flush() {
        var rest = buffer[...]
        while failure == 0, !rest.isEmpty {
            // SAFETY: the pointer covers `rest` and does not outlive the call.
            let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { failure = errno }
        }
        buffer = []
        // Nobody reads on; do not read the rest of the history.
        if failure == EPIPE { exit(0) }
    }
}

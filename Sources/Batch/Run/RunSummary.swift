internal import TextSupport

extension BatchRun.Result {
    /// One line for people at the end of a batch.
    ///
    /// - Parameters:
    ///   - hasEvents: Whether the records are events.
    ///   - outputs: Paths that were written.
    public func sentence(hasEvents: Bool, outputs: [String]) -> String {
        var parts = [Self.count(files, "file"), "\(length) of audio"]
        if failed > 0 { parts.append("\(failed) failed (\(failedNames))") }
        parts.append(hasEvents ? Self.count(events, "event") : Self.count(windows, "window"))
        let line = parts.joined(separator: ", ")
        return outputs.isEmpty ? line : "\(line); wrote \(outputs.joined(separator: ", "))"
    }

    private var failedNames: String {
        let more = failed - failedPaths.count
        return failedPaths.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    private var length: String {
        let whole = Int(audioSeconds.rounded())
        let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60)
        if hours > 0 { return "\(hours) h \(minutes) min" }
        if minutes > 0 { return "\(minutes) min \(seconds) s" }
        return "\(FixedDecimals.text(audioSeconds, decimals: 2) ?? "?") s"
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

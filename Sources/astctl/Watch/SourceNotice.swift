import Wire

/// Tells on standard error, where output goes to a pipe, why nothing or not everything is heard.
struct SourceNotice {
    private var last: String?

    /// The line to print; nil when nothing has changed.
    mutating func line(for record: LiveRecord) -> String? {
        guard case .source(let source) = record else { return nil }
        let trouble = source.isFine ? nil : source.sentence
        defer { last = trouble }
        guard trouble != last else { return nil }
        return "astctl: " + Text.printable(trouble ?? "source \(source.name) is healthy") + "\n"
    }

    mutating func process(_ record: LiveRecord) throws {
        if let line = line(for: record) { try Output.standardError.write(line) }
    }
}

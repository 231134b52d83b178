import FoundationEssentials
import Synchronization
import TestSupport
import Testing

/// `docs/source-states.md`: a table for each state, with what every place shows.
///
/// `make source-states` writes the tables; otherwise they are compared.
enum SourceStateDocument {
    private static let path = Astd.repository + "/docs/source-states.md"
    static let isWritten = ProcessInfo.processInfo.environment["ASTD_WRITE_SOURCE_STATES"] != nil
    /// Held while the document is changed.
    private static let turn = Mutex(())

    private struct Sections {
        /// What precedes the first of them.
        var head: String
        var all: [(title: String, text: String)]

        init(_ text: String) {
            let parts = text.split(separator: "\n## ", omittingEmptySubsequences: false).map(String.init)
            head = parts.first ?? ""
            all = parts.dropFirst().map { part in
                let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(lines[0]), "\n## " + part)
            }
        }
    }

    private static func sections() throws -> Sections {
        Sections(String(decoding: try TestFolder.bytes(of: path), as: UTF8.self))
    }

    /// The titles, in their order.
    static func titles() throws -> [String] { try sections().all.map(\.title) }

    /// Compares what the places show with the document, or writes it there.
    static func check(_ title: String, _ cells: [SourcePlaces.Cell], in folder: TestFolder) throws {
        let rows = cells.map { "| \(code($0.place)) | \(code(normalised($0.text, folder))) |\n" }
        let text = "\n## \(title)\n\n| place | shows |\n|---|---|\n" + rows.joined()
        try turn.withLock { _ in
            var sections = try Self.sections()
            let index = sections.all.firstIndex { $0.title == title }
            if !isWritten {
                let found = index.map { sections.all[$0].text }
                #expect(found == text, "docs/source-states.md differs: make source-states, and look at it")
                return
            }
            if let index { sections.all[index].text = text } else { sections.all.append((title, text)) }
            sections.all.sort { (order($0.title), $0.title) < (order($1.title), $1.title) }
            let document = sections.head + sections.all.map(\.text).joined()
            try Data(document.utf8).write(to: URL(filePath: path))
        }
    }

    private static func order(_ title: String) -> Int {
        SourceStateTableTests.titles.firstIndex(of: title) ?? .max
    }

    /// As code in a cell of a table.
    private static func code(_ text: String) -> String {
        let text = text.replacing("|", with: "\\|")
        return text.contains("`") ? "`` \(text) ``" : "`\(text)`"
    }

    /// Without what differs from run to run.
    private static func normalised(_ text: String, _ folder: TestFolder) -> String {
        text.replacing(folder.path, with: "/run/user/1000")
            .replacing(/\d\d:\d\d:\d\d(\.\d+)?/, with: "12:00:00")
            .replacing(/\d+ windows?(, \d+ skipped)?;/, with: "60 windows;")
            .replacing(
                /a pass takes \d+ ms, the hop is 10 ms[^"]*/,
                with: "a pass takes 12 ms, the hop is 10 ms: raise hop or threads, or use int8"
            )
            .replacing(/-?\d\.\d{3} is below/, with: "0.123 is below")
    }
}

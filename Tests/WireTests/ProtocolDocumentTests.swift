import Foundation
import Testing
import TextSupport
import Wire

@Suite struct ProtocolDocumentTests {
    private func lines() throws -> [Substring] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/protocol.md"), encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The one-line JSON examples.
    private func examples() throws -> [String] { try lines().filter { $0.hasPrefix("{") }.map { String($0) } }

    /// The tables: rows of cells without the spaces around them; the first row is the header.
    private func tables() throws -> [[[String]]] {
        try lines().split { !$0.hasPrefix("|") }.map { rows in
            rows.filter { !$0.hasPrefix("|---") }.map { row in
                row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                    .map { $0.trimmingCharacters(in: .whitespaces) }
            }
        }
    }

    /// The first cells of the tables whose header begins with `title`, without backquotes.
    private func values(_ title: String) throws -> [Set<String>] {
        try tables().filter { $0[0][0] == title }.map { rows in
            Set(rows.dropFirst().map { $0[0].filter { $0 != "`" } })
        }
    }

    @Test func `Every example is read, and written back to the same text`() throws {
        var kinds: Set<LiveRecord.Kind> = []
        var others: [String] = []
        for example in try examples() {
            if let record = try? LiveRecord(line: Array(example.utf8)) {
                #expect(String(decoding: record.encoded(), as: UTF8.self) == example + "\n")
                kinds.insert(record.kind)
            } else {
                others.append(example)
            }
        }
        #expect(kinds == Set(LiveRecord.Kind.allCases))
        // The adapters, a switch, an explanation, the status, one of its sources, and an error.
        try #require(others.count == 6)
        let replies = try others.dropLast().map { try JSONObject(parsing: Array($0.utf8)) }
        let written: [any JSONRecord] = [
            try AdapterList(replies[0]), try SwitchReport(replies[1]), try ExplainReport(replies[2]),
            try StatusReport(replies[3]), try SourceStatus(replies[4]),
        ]
        for (record, example) in zip(written, others) {
            #expect(String(decoding: record.encoded(), as: UTF8.self) == example + "\n")
        }
        guard case .failure(_, let error) = try RPCMessage(line: Array(others[5].utf8)) else {
            Issue.record("the last example is not an error")
            return
        }
        #expect(error == .methodNotFound("fly"))
    }

    @Test func `The table of requests has every method with its parameters, and no other`() throws {
        let table = try #require(try tables().first { $0[0][0] == "method" }).dropFirst()
        #expect(table.map { $0[0] }.sorted() == RPCMethod.allCases.map { "`\($0.rawValue)`" }.sorted())
        for method in RPCMethod.allCases {
            let row = try #require(table.first { $0[0] == "`\(method.rawValue)`" })
            // The names of parameters precede the colons and commas; defaults and explanations are not in
            // backquotes there.
            for parameter in method.parameters {
                #expect(row[1].contains("`\(parameter)`"), "\(method.rawValue) \(parameter)")
            }
            #expect(method.parameters.isEmpty == row[1].isEmpty, "\(method.rawValue)")
            #expect(row[2] == (method.mayBlock ? "yes" : "no"), "\(method.rawValue)")
        }
    }

    @Test func `Every value of every enumeration is documented in a table, and no other`() throws {
        #expect(
            try values("`state`") == [
                Set(SourceRecord.State.allCases.map(\.rawValue)),
                Set(ExplainReport.State.allCases.map(\.rawValue)),
                Set(StatusReport.State.allCases.map(\.rawValue)),
            ])
        #expect(try values("`reason`") == [Set(Gap.Reason.allCases.map(\.rawValue))])
        let text = try lines().joined(separator: "\n")
        for state in EventRecord.State.allCases { #expect(text.contains("`\(state.rawValue)`")) }
    }

    @Test func `Every error code is documented`() throws {
        #expect(try values("code") == [Set(RPCError.Code.allCases.map { String($0.value) })])
    }
}

import Foundation
import Testing
import TextSupport
import Wire

@Suite struct `Protocol document` {
    /// The one-line JSON examples of docs/protocol.md.
    private func examples() throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/protocol.md"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("{") }.map { String($0) }
    }

    @Test func `Every example reads, and writes back to the same text`() throws {
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
        try #require(others.count == 5)  // The adapters, a switch, an explanation, the status and an error.
        let replies = try others.dropLast().map { try JSONObject(parsing: Array($0.utf8)) }
        let written: [any JSONRecord] = [
            try AdapterList(replies[0]), try SwitchReport(replies[1]), try ExplainReport(replies[2]),
            try StatusReport(replies[3]),
        ]
        for (record, example) in zip(written, others) {
            #expect(String(decoding: record.encoded(), as: UTF8.self) == example + "\n")
        }
        guard case .failure(_, let error) = try RPCMessage(line: Array(others[4].utf8)) else {
            Issue.record("the last example is no error")
            return
        }
        #expect(error == .methodNotFound("fly"))
    }
}

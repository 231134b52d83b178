import Settings
import TestSupport
import Testing

@testable import Gateway

@Suite struct GatewaySettingsTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func load(
        _ yaml: String, _ environment: [String: String] = [:], _ assignments: [String: String] = [:]
    ) throws -> LoadedGatewaySettings {
        let file = try folder.write(yaml, to: "gateway.yaml")
        return try GatewaySettingsSources(file: file, environment: environment, assignments: assignments)
            .load()
    }

    private func problems(_ yaml: String, _ environment: [String: String] = [:]) throws -> [String] {
        let refusal = #expect(throws: SettingsRefusal.self) { try load(yaml, environment) }
        return (refusal?.problems ?? []).map { "\($0)".replacing(folder.path, with: "") }
    }

    @Test func `Later layers override earlier ones, and the output names each origin`() throws {
        let loaded = try load(
            """
            node: kitchen
            daemons: {kitchen: /run/astd/kitchen, street: /run/astd/street}
            history: {path: /var/lib/h.sqlite, days: 30}
            """, ["ASTD_GATEWAY_HISTORY_DAYS": "20", "ASTD_HOP": "1"], ["history.megabytes": "7"])
        let settings = loaded.settings
        #expect(settings.node == "kitchen")
        #expect(settings.daemons.map(\.name) == ["kitchen", "street"])
        #expect(settings.daemons.map(\.controlSocket).last == "/run/astd/street/astd.sock")
        #expect(settings.history.path == "/var/lib/h.sqlite")
        #expect(settings.history.days == 20 && settings.history.megabytes == 7)
        let lines = loaded.text.split(separator: "\n")
        #expect(
            lines.contains { $0.hasPrefix("  days: 20 ") && $0.hasSuffix("# $ASTD_GATEWAY_HISTORY_DAYS") })
        #expect(lines.contains { $0.hasPrefix("node: kitchen") && $0.hasSuffix("gateway.yaml:1") })
        #expect(lines.contains { $0.hasPrefix("  street: /run/astd/street") })
        // The output is a file of the same settings.
        #expect(try load(loaded.text).settings == settings)
    }

    @Test func `Without a file, one daemon is followed and nothing is kept`() throws {
        let settings = try load("").settings
        #expect(settings.daemons == [.init(name: "astd", runtimeDirectory: "/run/astd")])
        #expect(settings.history.path == nil && !settings.node.isEmpty)
    }

    @Test func `Every problem names the line, the setting and what is accepted`() throws {
        #expect(
            try problems("histroy: {days: 3}\nnode: a/b\n").sorted() == [
                "/gateway.yaml:1: unknown setting 'histroy'; did you mean 'history'?",
                "/gateway.yaml:2: invalid value 'a/b' for node; expected a name without / + # and white space",
            ])
        #expect(
            try problems("history: {days: 0, days: 3}\n") == [
                "/gateway.yaml:1: duplicate setting 'history.days'",
                "/gateway.yaml:1: invalid value '0' for history.days; expected a whole number from 1 to 36500",
            ])
        #expect(
            try problems("daemons: {a: run}\n") == [
                "/gateway.yaml:1: invalid value 'run' for daemons.a; expected the absolute path of a runtime "
                    + "directory, such as /run/astd"
            ])
        #expect(
            try problems("", ["ASTD_GATEWAY_NODES": "x"]) == [
                "$ASTD_GATEWAY_NODES: unknown setting 'ASTD_GATEWAY_NODES'; did you mean 'ASTD_GATEWAY_NODE'?"
            ])
        #expect(try problems("daemons: []\n").count == 1)
        #expect(try problems("node: [a]\n").count == 1)
    }

    @Test func `The document and the example have every setting`() throws {
        func text(_ name: String) throws -> String {
            let root = #filePath.replacing("/Tests/GatewayTests/GatewaySettingsTests.swift", with: "")
            return String(decoding: try TestFolder.bytes(of: "\(root)/\(name)"), as: UTF8.self)
        }
        let (document, example) = (try text("docs/gateway.md"), try text("etc/gateway.yaml"))
        for row in GatewaySettingTable.rows {
            #expect(
                document.split(separator: "\n").contains {
                    $0.hasPrefix("| `\(row.key)` |") && $0.hasSuffix("| \(row.allowed) | \(row.help) |")
                }, "docs/gateway.md: \(row.key) | \(row.allowed) | \(row.help)")
            let name = row.key.split(separator: ".").last ?? ""
            #expect(example.contains("\(name):"), "etc/gateway.yaml: \(row.key)")
        }
        #expect(try load(example).settings.history.path == "/var/lib/astd-gateway/history.sqlite")
    }
}

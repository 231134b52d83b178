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

    @Test func `A file that a setting names must exist, and hold what the setting needs`() throws {
        let text = try folder.write("words\n", to: "words")
        let certificate = try folder.write(
            "a comment\n-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n", to: "ca.pem")
        let key = try folder.write("-----BEGIN EC PRIVATE KEY-----\n", to: "key.pem")
        let none = folder.file("none.pem")
        func problems(_ yaml: String, isTrial: Bool = true) throws -> [String] {
            let loaded = try load(yaml)
            do throws(SettingsRefusal) { try loaded.checkFiles(isTrial: isTrial) } catch {
                return error.problems.map { "\($0)".replacing(folder.path, with: "") }
            }
            return []
        }
        #expect(
            try problems(
                "mqtt: {ca_file: \(certificate), certificate_file: \(certificate), key_file: \(key), "
                    + "password_file: \(text)}\n") == [])
        #expect(
            try problems("node: a\nmqtt: {ca_file: \(none)}\n") == [
                "/gateway.yaml:2: cannot open /none.pem (mqtt.ca_file): No such file or directory"
            ])
        #expect(
            try problems(
                "mqtt: {ca_file: \(text), certificate_file: \(folder.path), key_file: \(certificate)}\n") == [
                    "/gateway.yaml:1: /words (mqtt.ca_file) has no certificate in PEM form "
                        + "(-----BEGIN CERTIFICATE-----)",
                    "/gateway.yaml:1:  (mqtt.certificate_file) is a directory; name a file",
                    "/gateway.yaml:1: /ca.pem (mqtt.key_file) has no private key in PEM form "
                        + "(-----BEGIN PRIVATE KEY-----)",
                ])
        #expect(
            try problems("notify: [{name: phone, labels: [Siren], webhook: {url_file: \(none)}}]\n") == [
                "/gateway.yaml:1: cannot open /none.pem (url_file of the rule 'phone'): "
                    + "No such file or directory"
            ])
        // What systemd provides while the service runs.
        let credential = "mqtt: {password_file: /run/credentials/astd-gateway.service/mqtt-password}\n"
        #expect(try problems(credential) == [])
        #expect(try problems(credential, isTrial: false).count == 1)
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

import Glibc
import Settings
import TestSupport
import Testing

@testable import Gateway

@Suite struct NotifySettingsTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func load(_ yaml: String) throws -> LoadedGatewaySettings {
        let file = try folder.write("daemons: {kitchen: /run/astd}\nnotify:\n" + yaml, to: "gateway.yaml")
        return try GatewaySettingsSources(file: file, environment: [:]).load()
    }

    /// What is wrong with one rule, without the file's name.
    private func problems(_ rule: String) throws -> [String] {
        let refusal = #expect(throws: SettingsRefusal.self, "\(rule)") { try load("  - \(rule)\n") }
        return (refusal?.problems ?? []).map {
            "\($0)".replacing(folder.path + "/gateway.yaml:", with: "").replacing("notify[1]", with: "RULE")
        }
    }

    @Test func `The settings that are printed are a file of the same rules`() throws {
        let loaded = try load(
            """
              - labels: Siren
                command: [/usr/bin/blink, 'a "b" c', "x: y"]
              - name: "phone: 2"
                labels: ['Fire*', "Dog [bB]ark", "#1"]
                daemons: kitchen
                min_score: 0.25
                min_duration: 2.5
                cooldown: 60
                first_of_day: true
                quiet_hours: ['22:00-06:00', 'Sat,Sun 00:00-24:00']
                title: "{label}: {score}"
                message: "{time} {x"
                webhook:
                  url_file: /etc/astd/url
                  token_file: /etc/astd/token
                  ca_file: /etc/astd/ca.pem
                  format: home_assistant
                  headers: {Content-Type: application/json}
                  timeout: 3

            """)
        let rules = loaded.settings.notify
        try #require(rules.map(\.name) == ["1", "phone: 2"])
        #expect(rules[0].action == .command(["/usr/bin/blink", "a \"b\" c", "x: y"], limitSeconds: 30))
        #expect(rules[1].labels == ["Fire*", "Dog [bB]ark", "#1"] && rules[1].daemons == ["kitchen"])
        #expect(rules[1].minScore == 0.25 && rules[1].minDuration == 2.5 && rules[1].cooldown == 60)
        #expect(rules[1].isFirstOfDay && rules[1].quietHours.count == 2 && rules[1].message == "{time} {x")
        guard case .webhook(let webhook) = rules[1].action else {
            Issue.record("no webhook: \(rules[1].action)")
            return
        }
        #expect(webhook.url == nil && webhook.urlFile == "/etc/astd/url")
        #expect(webhook.format == .homeAssistant && webhook.timeoutSeconds == 3)
        #expect(loaded.text.contains("gateway.yaml:3\n"))
        let printed = try folder.write(loaded.text, to: "printed.yaml")
        let again = try GatewaySettingsSources(file: printed, environment: [:]).load().settings
        #expect(again.notify == rules, "\(loaded.text)")
    }

    @Test func `No password of a rule is printed, wherever it was written`() throws {
        let loaded = try load(
            """
              - labels: [Siren]
                webhook:
                  url: https://me:secret1@ntfy.example:8443/secret2?auth=secret3#secret4
                  headers: {X-Api-Key: secret5, content-type: text/plain}
                  body: '{"token": "secret6", "text": "{label}"}'
              - labels: [Siren]
                webhook: http://127.0.0.1:8123/api/webhook/secret7
              - labels: [Siren]
                command: [/usr/bin/curl, "https://me:secret8@host/", "token=secret9"]

            """)
        #expect(!loaded.text.contains("secret"), "\(loaded.text)")
        for shown in [
            "https://ntfy.example:8443/***", "http://127.0.0.1:8123/***", "text/plain", "X-Api-Key",
        ] {
            #expect(loaded.text.contains(shown), "\(shown)")
        }
        for url in ["ftp://host/secret", "http:///secret", "https://ho st/secret", "secret"] {
            for webhook in ["'\(url)'", "{url: '\(url)'}"] {
                let found = try problems("{labels: [A], webhook: \(webhook)}")
                #expect(found.count == 1 && !found.joined().contains("secret"), "\(found)")
            }
        }
        let header = try problems("{labels: [A], webhook: {url: 'http://h', headers: {X: \"secret\\n\"}}}")
        #expect(header.count == 1 && !header.joined().contains("secret"), "\(header)")
    }

    @Test(arguments: [
        (
            "{labels: [A], command: [/a], cooldwn: 3}",
            "unknown setting 'RULE.cooldwn'; did you mean 'cooldown'?"
        ),
        ("{labels: [A], command: [/a], webhook: 'http://h'}", "RULE has both a command and a webhook"),
        ("{labels: [A]}", "RULE has neither command nor webhook; a rule has one of them"),
        ("{command: [/a]}", "RULE has no labels; add labels: [...]"),
        ("{labels: [], command: [/a]}", "invalid value 'a list' for RULE.labels"),
        ("{labels: [A, [B]], command: [/a]}", "invalid value 'a list' for RULE.labels"),
        ("{labels: [A], command: [blink]}", "for RULE.command; expected an absolute path of a program"),
        (
            "{labels: [A], command: [/a], time_limit: 0}",
            "'0' for RULE.time_limit; expected a number from 0.1 to"
        ),
        ("{labels: [A], webhook: 'http://h', time_limit: 3}", "RULE.time_limit is for a command"),
        ("{labels: [A], command: [/a], min_score: nan}", "'nan' for RULE.min_score"),
        ("{labels: [A], command: [/a], min_duration: -1}", "'-1' for RULE.min_duration"),
        ("{labels: [A], command: [/a], cooldown: 1h}", "'1h' for RULE.cooldown"),
        (
            "{labels: [A], command: [/a], first_of_day: 1}",
            "'1' for RULE.first_of_day; expected true or false"
        ),
        ("{labels: [A], command: [/a], quiet_hours: '22-6'}", "'22-6' for RULE.quiet_hours"),
        (
            "{labels: [A], command: [/a], message: '{labl}'}",
            "'{labl}' for RULE.message; expected text with {label}"
        ),
        (
            "{labels: [A], command: [/a], daemons: [attic]}",
            "'attic' for daemons of the rule '1'; expected kitchen"
        ),
        ("{labels: [A], command: [/a], name: ''}", "for RULE.name"),
        ("{labels: [A], webhook: {format: json}}", "RULE.webhook has neither url nor url_file"),
        ("{labels: [A], webhook: {url: 'http://h', url_file: /a}}", "RULE.webhook has both url and url_file"),
        ("{labels: [A], webhook: {url_file: a}}", "'a' for RULE.webhook.url_file; expected an absolute path"),
        (
            "{labels: [A], webhook: {url: 'http://h', format: xml}}",
            "expected json, ntfy, slack, home_assistant"
        ),
        ("{labels: [A], webhook: {url: 'http://h', timeout: 0}}", "'0' for RULE.webhook.timeout"),
        ("{labels: [A], webhook: {url: 'http://h', headers: {'a b': c}}}", "for RULE.webhook.headers"),
        ("[A]", "invalid value 'a list' for RULE; expected a mapping of names to values"),
    ])
    func `A rule with a bad value is refused with its place and what is accepted`(
        rule: String, expected: String
    )
        throws
    {
        let found = try problems(rule)
        #expect(
            found.count == 1 && found[0].hasPrefix("3: ") && found[0].contains(expected), "\(rule): \(found)")
    }

    @Test func `Rules have different names, and there are at most twenty`() throws {
        let rule = "  - {name: a, labels: [A], command: [/a]}\n"
        #expect(throws: SettingsRefusal.self) { try load(rule + rule) }
        let numbered = "  - {labels: [A], command: [/a]}\n"
        #expect(try load(String(repeating: numbered, count: 20)).settings.notify.count == 20)
        #expect(throws: SettingsRefusal.self) { try load(String(repeating: numbered, count: 21)) }
        #expect(try load("  []\n").settings.notify.isEmpty)
    }

    @Test func `The example's rules are accepted, and its programs are in its folder`() throws {
        let root = #filePath.replacing("/Tests/GatewayTests/NotifySettingsTests.swift", with: "")
        let example = "\(root)/examples/notify/gateway.yaml"
        let rules = try GatewaySettingsSources(file: example, environment: [:]).load().settings.notify
        #expect(rules.map(\.name) == ["phone", "phone-urgent", "mail", "telegram", "speaker"])
        for case .command(let arguments, _) in rules.map(\.action) {
            let program = arguments[0].replacing("/usr/share/doc/astd", with: root)
            #expect(access(program, X_OK) == 0, "\(program)")
        }
    }
}

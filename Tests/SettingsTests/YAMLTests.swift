import Testing

@testable import Settings

/// Values that the versions of YAML read differently, and features of YAML that settings do not support.
@Suite struct YAMLTests {
    private func complaints(_ text: String) -> [String] {
        SettingsFile(path: "F", text: text).problems.map(\.description)
    }

    private func texts(_ text: String, _ key: String) -> [String]? {
        let file = SettingsFile(path: "F", text: text)
        return file.problems.isEmpty ? file.entries[key]?.texts : nil
    }

    /// The text that a row prints after it read `text`; `nil` when it refuses.
    private func read(_ text: String, _ key: String) throws -> [String]? {
        var settings = DaemonSettings()
        let row = try #require(SettingTable.byKey[key])
        let found = try #require(texts("\(key): \(text)", key))
        return row.read(found, &settings) ? row.show(settings) ?? ["null"] : nil
    }

    @Test(arguments: [
        // A truth value is written in one way; YAML 1.1 had these too.
        ("fast", "true", "true"), ("fast", "\"true\"", "true"),
        ("fast", "yes", nil), ("fast", "no", nil), ("fast", "on", nil), ("fast", "off", nil),
        ("fast", "y", nil), ("fast", "True", nil), ("fast", "TRUE", nil), ("fast", "1", nil),
        // Whole numbers are decimal, whatever they begin with.
        ("threads", "017", "17"), ("threads", "+7", "7"), ("threads", "0o17", nil), ("threads", "0x11", nil),
        ("threads", "0b11", nil), ("threads", "1_0", nil), ("threads", "4.0", nil), ("threads", "1e1", nil),
        // Permissions are octal, whatever they begin with.
        ("events_mode", "0660", "0660"), ("events_mode", "660", "0660"), ("events_mode", "\"0660\"", "0660"),
        ("events_mode", "0o660", nil), ("events_mode", "0680", nil),
        ("hop", "1e1", "10"), ("hop", "1e-1", "0.1"), ("hop", ".5", "0.5"), ("hop", "5.", "5"),
        ("hop", "007", "7"), ("hop", ".inf", nil), ("hop", "inf", nil), ("hop", ".nan", nil),
        ("hop", "nan", nil),
        // Sixties were numbers in YAML 1.1.
        ("muted_after", "1:30", nil), ("muted_after", "12:30:00", nil),
        ("threads", "null", "null"), ("threads", "~", "null"), ("threads", "", "null"),
        ("threads", "Null", nil), ("threads", "NULL", nil),
        // Dates were dates.
        ("model", "2026-11-24", "2026-11-24"), ("model", "no", "no"), ("model", "1.10", "1.10"),
        ("adapter", "~", ""), ("adapter", "no", "no"),
    ])
    func `A scalar is text until its setting reads it`(
        key: String, text: String, expected: String?
    ) throws {
        #expect(try read(text, key)?.joined(separator: " ") == expected)
    }

    @Test func `Labels keep their text, also where YAML has other types for it`() throws {
        #expect(
            texts("detection: {deny: [no, yes, 1.0, 0x10, ~, 12:30:00]}", "detection.deny")
                == ["no", "yes", "1.0", "0x10", "~", "12:30:00"])
        let file = SettingsFile(path: "F", text: "detection: {labels: {no: {on: 0.3}, 1.0: {on: 0.2}}}")
        #expect(file.problems.isEmpty && file.labels.keys.sorted() == ["1.0", "no"])
    }

    @Test(arguments: [
        (
            "hop: &a 1",
            [
                "F:1: invalid YAML: &a is an anchor, which settings do not support; quote the value or leave it out"
            ]
        ),
        (
            "hop: 2\ngate: *a",
            [
                "F:2: invalid YAML: *a is an alias, which settings do not support; quote the value or write it out"
            ]
        ),
        (
            "hop: 2\ndetection: &d {on: 1}",
            [
                "F:2: invalid YAML: &d is an anchor, which settings do not support; quote the value or leave it out"
            ]
        ),
        (
            "threads: !!int 4",
            [
                "F:1: invalid YAML: !!int is a tag, which settings do not support; quote the value or leave it out"
            ]
        ),
        (
            "\nadapter: ! [x]",
            [
                "F:2: invalid YAML: ! is a tag, which settings do not support; quote the value or leave it out"
            ]
        ),
        (
            "hop: 2\n---\nhop: 3",
            ["F:2: invalid YAML: a second document begins; expected one"]
        ),
        ("---\n---\n", ["F:2: invalid YAML: a second document begins; expected one"]),
        ("hop: 1\nhop: 2", ["F:2: duplicate setting 'hop', first in line 1"]),
        (
            "detection:\n  on: 0.1\n  \"on\": 0.2\nhup: 1",
            [
                "F:3: duplicate setting 'detection.on', first in line 2",
                "F:4: unknown setting 'hup'; did you mean 'hop'?",
            ]
        ),
        (
            "detection: {labels: {A: {on: 1, on: 2}, A: {on: 1}}}",
            [
                "F:1: duplicate setting 'detection.labels.A', first in line 1",
                "F:1: duplicate setting 'detection.labels.A.on', first in line 1",
            ]
        ),
        ("? [x]\n: y", ["F:1: a name must be text"]),
        ("detection: {labels: {[x]: {on: 1}}}", ["F:1: a name must be text"]),
        ("adapter: [[a]]", ["F:1: invalid value 'a list of lists' for adapter; expected directories"]),
        ("detection:\n\ton: 0.3", ["F:2: invalid YAML: unexpected tab; indent with spaces"]),
        ("source: *?*", ["F:1: invalid YAML: a value cannot begin with *; put the value in quotes"]),
        (
            "source: pulse: USB",
            [
                "F:1: invalid YAML: unexpected colon; if it is part of a value, put the value in quotes, else check the line above"
            ]
        ),
        ("hop 0.5", ["F:1: expected a mapping, such as \"name: value\""]),
        (
            "detection: {on: 0.1}\ndetection.on: 0.2",
            ["F:2: duplicate setting 'detection.on', first in line 1"]
        ),
        ("hop: @1", ["F:1: invalid YAML: a value cannot begin with @; put the value in quotes"]),
        (
            "# Grüße 🎤\nhop: `1",
            ["F:2: invalid YAML: a value cannot begin with `; put the value in quotes"]
        ),
        (
            "hop: 1\nsource: \"x",
            [
                "F:2: invalid YAML: found unexpected end of stream while scanning a quoted scalar"
            ]
        ),
        (
            "hop: 1\nadapter: [a\n\n",
            [
                "F:4: invalid YAML: did not find expected ',' or ']' while parsing a flow sequence that began in line 2"
            ]
        ),
        ("hop: 1\n\u{1}", ["F:2: invalid YAML: control characters are not allowed (U+0001)"]),
        ("hop: 1\n\u{0}", ["F:2: invalid YAML: control characters are not allowed (U+0000)"]),
        ("source: \"a\\0b\"", ["F:1: invalid YAML: a value contains the character NUL"]),
        (
            "a: " + String(repeating: "[", count: 70),
            ["F:1: invalid YAML: values are nested more than 64 deep"]
        ),
        (
            "adapter: [" + String(repeating: "a,\n", count: 100_001),
            ["F:99998: invalid YAML: there are more than 100000 values"]
        ),
    ])
    func `Unsupported YAML is reported with its line`(text: String, expected: [String]) {
        #expect(complaints(text) == expected)
    }

    @Test(arguments: [
        "\u{FEFF}hop: 2\nsource: stdin\n", "hop: 2\r\nsource: stdin\r\n", "hop:\t2\t# two\nsource: stdin",
        "---\nhop: 2\nsource: stdin\n...\n", "%YAML 1.2\n---\n{hop: 2, \"source\": 'stdin'}",
        "# Grüße\n? hop\n: 2\nsource: >-\n  stdin\n",
    ])
    func `Byte order marks, carriage returns and every style are read`(text: String) {
        #expect(texts(text, "hop") == ["2"] && texts(text, "source") == ["stdin"])
    }

    @Test(arguments: ["", "\n", "# nothing\n", "~", "null\n", "---\n", "\u{FEFF}", "---\n...\n"])
    func `An empty file has no settings`(text: String) {
        let file = SettingsFile(path: "F", text: text)
        #expect(file.problems.isEmpty && file.entries.isEmpty && file.labels.isEmpty)
    }

    @Test func `Nesting and number of values are read up to their limits`() throws {
        let depth = YAMLDocument.maximumDepth
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try YAMLDocument.root(of: nested)?.items?.count == 1)
        let many = "[" + String(repeating: "a,", count: YAMLDocument.maximumNodes - 2) + "]"
        #expect(try YAMLDocument.root(of: many)?.items?.count == YAMLDocument.maximumNodes - 2)
    }
}

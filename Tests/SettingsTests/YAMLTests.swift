import Testing

@testable import Settings

/// What YAML's versions read in more than one way, and what of YAML settings do without.
@Suite struct YAMLTests {
    private func complaints(_ text: String) -> [String] {
        SettingsFile(path: "F", text: text).problems.map(\.description)
    }

    private func texts(_ text: String, _ key: String) -> [String]? {
        let file = SettingsFile(path: "F", text: text)
        return file.problems.isEmpty ? file.entries[key]?.texts : nil
    }

    /// Whether a row takes a text, and what is shown of it then.
    private func read(_ text: String, _ key: String) throws -> [String]? {
        var settings = Settings()
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
    func `A scalar is a text, and means what its setting takes it for`(
        key: String, text: String, expected: String?
    ) throws {
        #expect(try read(text, key)?.joined(separator: " ") == expected)
    }

    @Test func `Labels keep their texts, whatever else YAML might take them for`() throws {
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
                "F:1: is no YAML of settings: &a is an anchor, which settings have not: put it in quotes, or leave it out"
            ]
        ),
        (
            "hop: 2\ngate: *a",
            [
                "F:2: is no YAML of settings: *a is an alias, which settings have not: put it in quotes, or write it out"
            ]
        ),
        (
            "hop: 2\ndetection: &d {on: 1}",
            [
                "F:2: is no YAML of settings: &d is an anchor, which settings have not: put it in quotes, or leave it out"
            ]
        ),
        (
            "threads: !!int 4",
            [
                "F:1: is no YAML of settings: !!int is a tag, which settings have not: put it in quotes, or leave it out"
            ]
        ),
        (
            "\nadapter: ! [x]",
            [
                "F:2: is no YAML of settings: ! is a tag, which settings have not: put it in quotes, or leave it out"
            ]
        ),
        (
            "hop: 2\n---\nhop: 3",
            ["F:2: is no YAML of settings: a second document begins: leave one"]
        ),
        ("---\n---\n", ["F:2: is no YAML of settings: a second document begins: leave one"]),
        ("hop: 1\nhop: 2", ["F:2: hop is given twice, first in line 1"]),
        (
            "detection:\n  on: 0.1\n  \"on\": 0.2\nhup: 1",
            [
                "F:3: detection.on is given twice, first in line 2",
                "F:4: hup is no setting: do you mean hop?",
            ]
        ),
        (
            "detection: {labels: {A: {on: 1, on: 2}, A: {on: 1}}}",
            [
                "F:1: detection.labels.A is given twice, first in line 1",
                "F:1: detection.labels.A.on is given twice, first in line 1",
            ]
        ),
        ("? [x]\n: y", ["F:1: a name is no text"]),
        ("detection: {labels: {[x]: {on: 1}}}", ["F:1: a name is no text"]),
        ("adapter: [[a]]", ["F:1: adapter is \"a list of lists\": give directories of adapters"]),
        ("detection:\n\ton: 0.3", ["F:2: is no YAML of settings: a tab: indent with spaces"]),
        ("source: *?*", ["F:1: is no YAML of settings: a value cannot begin with *: put it in quotes"]),
        (
            "source: pulse: USB",
            [
                "F:1: is no YAML of settings: a colon cannot stand here: if it belongs to a value, put it in quotes; else see the line above"
            ]
        ),
        ("hop 0.5", ["F:1: is no mapping of names to values: write \"name: value\""]),
        (
            "detection: {on: 0.1}\ndetection.on: 0.2",
            ["F:2: detection.on is given twice, first in line 1"]
        ),
        ("hop: @1", ["F:1: is no YAML of settings: a value cannot begin with @: put it in quotes"]),
        (
            "# Grüße 🎤\nhop: `1",
            ["F:2: is no YAML of settings: a value cannot begin with `: put it in quotes"]
        ),
        (
            "hop: 1\nsource: \"x",
            [
                "F:2: is no YAML of settings: found unexpected end of stream while scanning a quoted scalar"
            ]
        ),
        (
            "hop: 1\nadapter: [a\n\n",
            [
                "F:4: is no YAML of settings: did not find expected ',' or ']' while parsing a flow sequence that began in line 2"
            ]
        ),
        ("hop: 1\n\u{1}", ["F:2: is no YAML of settings: control characters are not allowed (U+0001)"]),
        ("hop: 1\n\u{0}", ["F:2: is no YAML of settings: control characters are not allowed (U+0000)"]),
        ("source: \"a\\0b\"", ["F:1: is no YAML of settings: a value holds the character NUL"]),
        (
            "a: " + String(repeating: "[", count: 70),
            ["F:1: is no YAML of settings: values are nested more than 64 deep"]
        ),
        (
            "adapter: [" + String(repeating: "a,\n", count: 100_001),
            ["F:99998: is no YAML of settings: there are more than 100000 values"]
        ),
    ])
    func `What settings do not take from YAML is named with its line`(text: String, expected: [String]) {
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
    func `A file with nothing in it is one without settings`(text: String) {
        let file = SettingsFile(path: "F", text: text)
        #expect(file.problems.isEmpty && file.entries.isEmpty && file.labels.isEmpty)
    }

    @Test func `Nesting and numbers of values up to the limits are read`() throws {
        let depth = YAMLDocument.maximumDepth
        let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try YAMLDocument.root(of: nested)?.items?.count == 1)
        let many = "[" + String(repeating: "a,", count: YAMLDocument.maximumNodes - 2) + "]"
        #expect(try YAMLDocument.root(of: many)?.items?.count == YAMLDocument.maximumNodes - 2)
    }
}

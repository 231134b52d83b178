/// One setting: its name, the values it accepts, how it is read into ``DaemonSettings`` and printed.
struct SettingRow: Sendable {
    /// Section and name joined by a dot; the same in the file, in variables and in options.
    let key: String
    /// The accepted values, for people.
    let allowed: String
    /// The meaning, for people.
    let help: String
    /// Whether a reload can change it.
    let isLive: Bool
    let isList: Bool
    /// Whether `astd run` has an option of its own for it; every setting can be given with `--set`.
    let hasOption: Bool
    /// Reads one text, or several where `isList`; false when the value is not accepted.
    let read: @Sendable ([String], inout DaemonSettings) -> Bool
    /// The texts that ``read`` reads back; `nil` for a setting that is not set.
    let show: @Sendable (DaemonSettings) -> [String]?
    /// Between the elements of a list in a variable or with `--set`; as in PATH, unless they contain colons.
    var separator: Character = ":"
    /// Why an element is rejected; `nil`: ``allowed`` says it, or it is accepted.
    var problem: @Sendable (String) -> String? = { _ in nil }

    /// Whether each source of `sources:` can have a value of its own.
    var isPerSource: Bool {
        Self.perSource.contains(key) || key.hasPrefix("detection.") || key.hasPrefix("level.")
    }
    private static let perSource: Set<String> = [
        "source", "channel", "gain_db", "high_pass_hz", "hop", "hop_minimum", "gate", "fast", "muted_after",
        "quiet_hours", "adapters",
    ]

    var components: [String] { key.split(separator: ".").map(String.init) }
    var variable: String { "ASTD_" + key.uppercased().replacing(".", with: "_") }
    /// How it is given on the command line.
    var flag: String { hasOption ? "--" + key.replacing("_", with: "-") : "--set \(key)" }
}

typealias SettingPath<Value> = any WritableKeyPath<DaemonSettings, Value> & Sendable

extension SettingRow {
    /// How values of a type are read from text and printed.
    struct Kind<Value>: Sendable {
        let allowed: String
        let parse: @Sendable (String) -> Value?
        let text: @Sendable (Value) -> String
    }

    static func one<Value>(
        _ key: String, _ path: SettingPath<Value>, _ kind: Kind<Value>, _ help: String,
        isLive: Bool = false, hasOption: Bool = true
    ) -> SettingRow {
        SettingRow(
            key: key, allowed: kind.allowed, help: help, isLive: isLive, isList: false,
            hasOption: hasOption && !key.contains("."),
            read: { texts, settings in
                guard texts.count == 1, let value = kind.parse(texts[0]) else { return false }
                settings[keyPath: path] = value
                return true
            }, show: { [kind.text($0[keyPath: path])] })
    }

    /// A setting that may be absent: `null`, `~` or nothing.
    static func optional<Value>(
        _ key: String, _ path: SettingPath<Value?>, _ kind: Kind<Value>, _ help: String,
        isLive: Bool = false, hasOption: Bool = true
    ) -> SettingRow {
        SettingRow(
            key: key, allowed: "\(kind.allowed), or null", help: help, isLive: isLive, isList: false,
            hasOption: hasOption && !key.contains("."),
            read: { texts, settings in
                guard texts.count == 1 else { return false }
                if ["", "~", "null"].contains(texts[0]) {
                    settings[keyPath: path] = nil
                    return true
                }
                guard let value = kind.parse(texts[0]) else { return false }
                settings[keyPath: path] = value
                return true
            }, show: { $0[keyPath: path].map { [kind.text($0)] } })
    }

    static func list(
        _ key: String, _ path: SettingPath<[String]>, _ allowed: String, _ help: String,
        isLive: Bool = false, hasOption: Bool = true
    ) -> SettingRow {
        SettingRow(
            key: key, allowed: allowed, help: help, isLive: isLive, isList: true,
            hasOption: hasOption && !key.contains("."),
            read: { texts, settings in
                settings[keyPath: path] = texts
                return !texts.contains("")
            }, show: { $0[keyPath: path] })
    }

    static func set(_ key: String, _ path: SettingPath<Set<String>>, _ allowed: String, _ help: String)
        -> SettingRow
    {
        SettingRow(
            key: key, allowed: allowed, help: help, isLive: true, isList: true, hasOption: !key.contains("."),
            read: { texts, settings in
                settings[keyPath: path] = Set(texts)
                return !texts.contains("")
            }, show: { $0[keyPath: path].sorted() })
    }
}

extension SettingRow.Kind where Value == String {
    static func text(_ allowed: String) -> Self {
        Self(allowed: allowed, parse: { $0.isEmpty ? nil : $0 }, text: { $0 })
    }

    static func word(_ words: [String]) -> Self {
        Self(
            allowed: "one of " + words.joined(separator: ", "), parse: { words.contains($0) ? $0 : nil },
            text: { $0 })
    }
}

extension SettingRow.Kind where Value == String {
    /// Channels of a live source.
    static var channel: Self {
        let words = ["mix", "left", "right", "loudest"]
        return Self(
            allowed: words.joined(separator: ", ") + ", a number from 1 to 64, each, or each:N with N from 2",
            parse: { text in
                let isNumber = Int(text).map { (1...64).contains($0) } ?? false
                return words.contains(text) || isNumber || EachChannel(text) != nil ? text : nil
            }, text: { $0 })
    }
}

extension SettingRow.Kind where Value == Double {
    /// - Parameter step: Values are multiples of it; `nil`: any number.
    static func number(_ range: ClosedRange<Double>, _ unit: String, step: Double? = nil) -> Self {
        let steps = step.map { ", in steps of \(Self.short($0))" } ?? ""
        return Self(
            allowed: "\(Self.short(range.lowerBound)) to \(Self.short(range.upperBound))\(unit)\(steps)",
            parse: { text in
                guard let value = Double(text), range.contains(value) else { return nil }
                guard let step else { return value }
                let multiple = value / step
                return abs(multiple - multiple.rounded()) < 1e-6 ? value : nil
            }, text: Self.short)
    }

    @Sendable private static func short(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

extension SettingRow.Kind where Value == Float {
    static var threshold: Self {
        Self(
            allowed: "0 to 1, or -100 to 100 for logits",
            parse: { text in Float(text).flatMap { (-100...100).contains($0) ? $0 : nil } },
            text: { "\($0)" })
    }
}

extension SettingRow.Kind where Value == Int {
    static func count(_ range: ClosedRange<Int>, _ unit: String) -> Self {
        Self(
            allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)\(unit)",
            parse: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }, text: { "\($0)" })
    }
}

extension SettingRow.Kind where Value == Bool {
    static var flag: Self {
        Self(
            allowed: "true or false", parse: { ["true": true, "false": false][$0] }, text: { "\($0)" })
    }
}

extension SettingRow.Kind where Value == UInt32 {
    static var permissions: Self {
        Self(
            allowed: "permissions in octal, such as 0660",
            parse: { text in UInt32(text, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil } },
            text: { "0" + String($0, radix: 8) })
    }
}

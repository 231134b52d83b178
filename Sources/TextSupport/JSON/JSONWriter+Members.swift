extension JSONWriter {
    public mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    public mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    public mutating func member(_ name: String, _ value: (some BinaryInteger)?) {
        key(name)
        if let value { integer(value) } else { null() }
    }

    public mutating func member(_ name: String, _ value: Float) {
        key(name)
        number(value)
    }

    /// Writes a Double with exactly `decimals` digits after the point; nil becomes `null`.
    public mutating func member(_ name: String, _ value: Double?, decimals: Int) {
        key(name)
        if let value { number(value, decimals: decimals) } else { null() }
    }

    /// Writes a time in seconds, rounded to the microsecond; nil becomes `null`.
    public mutating func member(_ name: String, seconds value: Double?) {
        key(name)
        if let value { seconds(value) } else { null() }
    }

    /// Writes an array of records, each an object of its own.
    public mutating func member(_ name: String, _ records: [some JSONRecord]) {
        key(name)
        array { json in
            for record in records { record.write(to: &json) }
        }
    }

    /// Writes an array of strings.
    public mutating func member(_ name: String, strings: [String]) {
        key(name)
        array { json in
            for text in strings { json.string(text) }
        }
    }
}

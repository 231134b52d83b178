extension JSONObject {
    // Each throws ``WireError/missing(field:)`` where its optional twin returns nil.

    public func requiredString(_ name: String) throws(WireError) -> String {
        guard let value = try string(name) else { throw .missing(field: name) }
        return value
    }

    public func requiredInteger<T: FixedWidthInteger>(
        _ name: String, as type: T.Type
    ) throws(WireError) -> T {
        guard let value = try integer(name, as: type) else { throw .missing(field: name) }
        return value
    }

    public func requiredDouble(_ name: String) throws(WireError) -> Double {
        guard let value = try double(name) else { throw .missing(field: name) }
        return value
    }

    public func requiredObject(_ name: String) throws(WireError) -> JSONObject {
        guard let value = try object(name) else { throw .missing(field: name) }
        return value
    }

    func requiredTimestamp(_ name: String) throws(WireError) -> Timestamp {
        guard let time = try timestamp(name) else { throw .missing(field: name) }
        return time
    }

    func timestamp(_ name: String) throws(WireError) -> Timestamp? {
        guard let text = try string(name) else { return nil }
        guard let time = Timestamp(text) else {
            throw .wrongType(field: name, expected: "a time like 2026-01-31T23:59:58.250Z")
        }
        return time
    }

    func requiredWord<Word: RawRepresentable<String>>(
        _ name: String, of allowed: [Word]
    ) throws(WireError) -> Word {
        let text = try requiredString(name)
        guard let word = allowed.first(where: { $0.rawValue == text }) else {
            let words = allowed.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw .wrongType(field: name, expected: "one of \(words)")
        }
        return word
    }

    public func requiredRecords<Record>(
        _ name: String, _ read: (JSONObject) throws(WireError) -> Record
    ) throws(WireError) -> [Record] {
        guard let objects = try objects(name) else { throw .missing(field: name) }
        var records: [Record] = []
        for object in objects { records.append(try read(object)) }
        return records
    }
}

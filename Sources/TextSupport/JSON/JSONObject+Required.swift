extension JSONObject {
    // Each throws ``JSONError/missing(field:)`` where the optional counterpart returns nil.

    public func requiredString(_ name: String) throws(JSONError) -> String {
        guard let value = try string(name) else { throw .missing(field: name) }
        return value
    }

    public func requiredInteger<T: FixedWidthInteger>(
        _ name: String, as type: T.Type
    ) throws(JSONError) -> T {
        guard let value = try integer(name, as: type) else { throw .missing(field: name) }
        return value
    }

    public func requiredDouble(_ name: String) throws(JSONError) -> Double {
        guard let value = try double(name) else { throw .missing(field: name) }
        return value
    }

    public func requiredObject(_ name: String) throws(JSONError) -> JSONObject {
        guard let value = try object(name) else { throw .missing(field: name) }
        return value
    }

    /// A string that is the raw value of one of `allowed`.
    public func requiredWord<Word: RawRepresentable<String>>(
        _ name: String, of allowed: [Word]
    ) throws(JSONError) -> Word {
        let text = try requiredString(name)
        guard let word = allowed.first(where: { $0.rawValue == text }) else {
            let words = allowed.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw .wrongType(field: name, expected: "one of \(words)")
        }
        return word
    }

    public func requiredRecords<Record>(
        _ name: String, _ read: (JSONObject) throws(JSONError) -> Record
    ) throws(JSONError) -> [Record] {
        guard let objects = try objects(name) else { throw .missing(field: name) }
        var records: [Record] = []
        for object in objects { records.append(try read(object)) }
        return records
    }
}

/// Splits a stream of bytes into lines of bounded length.
public struct LineFramer: Sendable {
    /// Maximum length of a line in the protocol, in bytes, without its line break.
    public static let maximumLineBytes = 64 * 1024

    public enum Item: Sendable, Equatable {
        /// A line without `\n` or `\r\n`.
        case line([UInt8])
        /// A line exceeded the limit. Returned once per line; its bytes up to the next `\n` are dropped.
        case overlong
    }

    private let limit: Int
    private var partial: [UInt8] = []
    private var isSkipping = false

    /// - Parameter maximumLineBytes: Maximum length of a line in bytes; a `\r` before the `\n` counts.
    public init(maximumLineBytes: Int = LineFramer.maximumLineBytes) {
        limit = maximumLineBytes
    }

    /// Appends bytes of the stream.
    ///
    /// - Returns: The items that they complete, in the order of the stream.
    public mutating func append(_ bytes: [UInt8]) -> [Item] {
        var items: [Item] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            collect(rest[..<end], into: &items)
            rest = rest[(end + 1)...]
            if !isSkipping { items.append(.line(finishLine())) }
            isSkipping = false
        }
        collect(rest, into: &items)
        return items
    }

    /// Ends the stream.
    ///
    /// - Returns: The bytes after the last line break; nil when there are none.
    public mutating func finish() -> [UInt8]? {
        defer { isSkipping = false }
        return partial.isEmpty ? nil : finishLine()
    }

    private mutating func collect(_ bytes: ArraySlice<UInt8>, into items: inout [Item]) {
        guard !isSkipping else { return }
        if partial.count + bytes.count > limit {
            partial = []
            isSkipping = true
            items.append(.overlong)
        } else {
            partial.append(contentsOf: bytes)
        }
    }

    private mutating func finishLine() -> [UInt8] {
        defer { partial = [] }
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        return partial
    }
}

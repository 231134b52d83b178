/// Cuts a stream of bytes into lines of bounded length, however the bytes arrive.
public struct LineFramer: Sendable {
    /// Longest line of the protocol in bytes, without its line break: 64 KiB.
    public static let maximumLineBytes = 64 * 1024

    /// What came out of the stream.
    public enum Item: Sendable, Equatable {
        /// A line without `\n` or `\r\n`.
        case line([UInt8])
        /// A line grew past the limit: told once, when it does; its bytes are dropped up to the next `\n`.
        case overlong
    }

    private let limit: Int
    private var partial: [UInt8] = []
    private var isSkipping = false

    /// - Parameter maximumLineBytes: Longest line in bytes; a `\r` before the `\n` counts.
    public init(maximumLineBytes: Int = LineFramer.maximumLineBytes) {
        limit = maximumLineBytes
    }

    /// The items completed by `bytes`, in the order of the stream.
    public mutating func append(_ bytes: [UInt8]) -> [Item] {
        var items: [Item] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            collect(rest[..<end], into: &items)
            rest = rest[(end + 1)...]
            if !isSkipping { items.append(.line(takeLine())) }
            isSkipping = false
        }
        collect(rest, into: &items)
        return items
    }

    /// The bytes after the last line break, when the stream ended there; nil when there are none.
    public mutating func finish() -> [UInt8]? {
        defer { isSkipping = false }
        return partial.isEmpty ? nil : takeLine()
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

    private mutating func takeLine() -> [UInt8] {
        defer { partial = [] }
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        return partial
    }
}

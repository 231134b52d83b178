/// Where windows are drawn: each over its own span and, where windows overlap, over the part that is nearer
/// to its middle than to the middle of any other.
///
/// `drawn` in `report.js` follows the same rule.
enum WindowSpans {
    typealias Span = (start: Double, end: Double)

    /// - Parameter windows: The windows of one variant, in order.
    static func drawn(_ windows: [Span]) -> [Span] {
        guard let first = windows.first else { return [] }
        // Only the last window can be shorter: it may be cut off at the end of the file.
        let length = first.end - first.start
        func border(_ index: Int) -> Double { (windows[index - 1].start + windows[index].start + length) / 2 }
        return windows.indices.map { index in
            let (start, end) = windows[index]
            return (
                index > 0 ? max(start, border(index)) : start,
                index + 1 < windows.count ? min(end, border(index + 1)) : end
            )
        }
    }
}

/// A horizontal bar of Unicode blocks, as fine as an eighth of a column.
enum Bar {
    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// - Parameters:
    ///   - fraction: How much of the width is filled; outside of 0…1 it is cut, NaN is empty.
    ///   - width: Columns of a full bar.
    static func text(_ fraction: Double, width: Int) -> String {
        guard fraction > 0, width > 0 else { return "" }
        let filled = Int((min(1, fraction) * Double(width * 8)).rounded())
        return String(repeating: "█", count: filled / 8) + eighths[filled % 8]
    }
}

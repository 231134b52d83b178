/// Sizes in memory, for people.
public enum ByteCount {
    /// In megabytes with one digit after the point; below 0.1 MB in kilobytes, so that only 0 reads as 0.
    public static func text(_ bytes: some BinaryInteger) -> String {
        let count = Double(bytes)
        let (size, unit) = count < 1e5 && count > 0 ? (max(count / 1e3, 0.1), "kB") : (count / 1e6, "MB")
        return "\(FixedDecimals.text(size, decimals: 1) ?? "?") \(unit)"
    }
}

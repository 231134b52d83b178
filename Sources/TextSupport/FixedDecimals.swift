/// Decimal text with a fixed number of digits after the point, without a locale.
public enum FixedDecimals {
    /// The text of `value`, or nil when it is not finite.
    ///
    /// - Parameter decimals: Digits after the point, 0…9. A value too large to scale exactly is
    ///   given its shortest text instead.
    public static func text(_ value: Double, decimals: Int) -> String? {
        precondition((0...9).contains(decimals), "decimals must be 0…9")
        guard value.isFinite else { return nil }
        var scale: Int64 = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (value * Double(scale)).rounded(.toNearestOrEven)
        guard scaled.magnitude < 9e15 else { return value.description }
        let units = Int64(scaled)
        let sign = units < 0 ? "-" : ""
        let (whole, fraction) = Int64(units.magnitude).quotientAndRemainder(dividingBy: scale)
        guard decimals > 0 else { return "\(sign)\(whole)" }
        let digits = String(fraction)
        return "\(sign)\(whole).\(String(repeating: "0", count: decimals - digits.count))\(digits)"
    }
}

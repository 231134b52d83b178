/// The distances from one window to the next that commands and requests accept: whole frames of 10 ms, as the
/// setting `hop`.
public enum HopRange {
    /// In words, for messages.
    public static let text = "0.01 to 600 seconds, in steps of 0.01"

    public static func contains(_ seconds: Double) -> Bool {
        let frames = seconds * 100
        return (0.01...600).contains(seconds) && abs(frames - frames.rounded()) < 1e-6
    }
}

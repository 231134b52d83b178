private import Frontend

/// Decides when the log mentions windows below the gate: the first at once, so that a reader knows why
/// nothing is reported, then their number once an hour. After an hour without any, the next one is a first
/// again.
///
/// Time is the position in the stream.
struct GateLog: Equatable {
    /// Where the current hour began; nil after an hour without a window below the gate.
    private var beginSample: Int64?
    private var windows = 0
    private var gatedWindows = 0

    private static let hourSamples = Int64(3600 * FrontendConfig.sampleRateHz)

    /// - Parameters:
    ///   - end: End of a window that was reported.
    ///   - thresholdDBFS: Of the gate.
    /// - Returns: A message for the log, if one is due.
    mutating func process(windowEnd end: Int64, isGated: Bool, thresholdDBFS: Double) -> String? {
        guard let beginSample else {
            if isGated { self.beginSample = end }
            return isGated
                ? "everything is below the gate (\(thresholdDBFS) dBFS), so windows are not classified; further "
                    + "windows below it are logged once an hour"
                : nil
        }
        windows += 1
        if isGated { gatedWindows += 1 }
        guard end - beginSample >= Self.hourSamples else { return nil }
        defer { self = GateLog(beginSample: gatedWindows > 0 ? end : nil) }
        return gatedWindows > 0
            ? "\(gatedWindows) of the last \(windows) windows, an hour, were below the gate "
                + "(\(thresholdDBFS) dBFS) and not classified"
            : nil
    }
}

private import Glibc

/// Chooses the source that a pattern selects.
package enum PulseSourceChoice {
    /// Returns the source that a glob selects.
    ///
    /// The glob is matched against names and descriptions, ignoring case. An exact name is preferred, then
    /// microphones over monitors, then the first name: the order in which cards were detected does not
    /// matter.
    package static func choose(_ pattern: String, among sources: [PulseSourceInfo]) -> PulseSourceInfo? {
        if let exact = sources.first(where: { $0.name == pattern }) { return exact }
        return
            sources
            .filter { matches(pattern, $0.name) || matches(pattern, $0.description) }
            .min { ($0.isMonitor ? 1 : 0, $0.name) < ($1.isMonitor ? 1 : 0, $1.name) }
    }

    private static func matches(_ pattern: String, _ text: String) -> Bool {
        fnmatch(pattern.lowercased(), text.lowercased(), 0) == 0
    }
}

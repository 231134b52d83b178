private import Glibc

/// Finds the source that a user means.
package enum PulseSourceChoice {
    /// The source a glob stands for.
    ///
    /// The glob is held against names and descriptions, capital or small. Among several matches a name that is
    /// written out in full wins, then microphones before monitors, then the first by name: the order in which
    /// cards were found does not matter.
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

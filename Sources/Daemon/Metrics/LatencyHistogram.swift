/// How long things took, in classes, as Prometheus counts them.
struct LatencyHistogram: Sendable, Equatable {
    /// Upper bounds of the classes in seconds, from a fast machine's short window to a slow one's hop.
    static let boundsSeconds = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    /// One more class than there are bounds: what was longer than all of them.
    private(set) var counts = [UInt64](repeating: 0, count: boundsSeconds.count + 1)
    private(set) var sumSeconds = 0.0

    mutating func add(seconds: Double) {
        counts[Self.boundsSeconds.firstIndex { seconds <= $0 } ?? Self.boundsSeconds.count] += 1
        sumSeconds += seconds
    }

    /// Those within each bound, and all.
    var cumulative: [UInt64] {
        var sum: UInt64 = 0
        return counts.map { count in
            sum += count
            return sum
        }
    }
}

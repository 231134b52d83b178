private import Glibc

/// How much of the time the forward passes of all live sources take, and whether the hops can be kept.
struct PassLoad: Equatable, Sendable {
    /// What one source asks for.
    struct Stream: Equatable, Sendable {
        var hopSeconds: Double
        /// Of the passes of all of its variants, for one window.
        var passSeconds: Double
        /// Whether the hop follows the passes; ``hopSeconds`` is then the longest that it may have.
        var isAdaptive = false
    }

    /// Part of a hop that should remain free for other programs and for a slower processor.
    static let reserve = 0.3

    let streams: [Stream]

    /// The part of the time that all passes take; above 1, windows are skipped.
    var share: Double { streams.reduce(0) { $0 + $1.passSeconds / $1.hopSeconds } }

    /// The passes that give each source one window.
    var roundSeconds: Double { streams.reduce(0) { $0 + $1.passSeconds } }

    /// The shortest hop of the adaptive streams beside the others, with ``reserve`` to spare.
    var adaptiveHopSeconds: Double {
        let fixed = streams.filter { !$0.isAdaptive }.reduce(0) { $0 + $1.passSeconds / $1.hopSeconds }
        let passes = streams.filter(\.isAdaptive).reduce(0) { $0 + $1.passSeconds }
        return passes / max(0.01, 1 - Self.reserve - fixed)
    }

    /// The shortest hop that all sources can have with ``reserve`` to spare, in hundredths of a second.
    var shortestHopSeconds: Double { (roundSeconds / (1 - Self.reserve) * 100).rounded(.up) / 100 }

    /// For the log: what was measured.
    func summary(_ facts: Facts) -> String {
        let shares = Int((100 * share).rounded())
        return "the passes for a window\(sources) take \(Self.milliseconds(roundSeconds)) "
            + "(\(facts.text)), \(shares) % of the time; the shortest hop with 30 % to spare is "
            + "\(shortestHopSeconds) s"
    }

    /// Why windows will be skipped, and what helps; `nil` when the hops can be kept.
    func problem(_ facts: Facts) -> String? {
        guard share > 1 else { return nil }
        let hops = Set(streams.map(\.hopSeconds)).sorted().map { "\($0) s" }.joined(separator: ", ")
        let helps = facts.remedies.map { ", " + $0 }.joined()
        return "the hop of \(hops) cannot be kept: the passes for a window\(sources) take "
            + "\(Self.milliseconds(roundSeconds)) (\(facts.text)), so windows will be skipped: "
            + "set hop to at least \(shortestHopSeconds)\(helps) or use a smaller model"
    }

    private var sources: String { streams.count == 1 ? "" : " of each of \(streams.count) sources" }

    private static func milliseconds(_ seconds: Double) -> String {
        seconds < 0.01
            ? "\((seconds * 10_000).rounded() / 10) ms" : "\(Int((seconds * 1000).rounded())) ms"
    }
}

extension PassLoad {
    /// How the passes are computed.
    struct Facts: Equatable, Sendable {
        var isQuantized: Bool
        /// For people, such as `int8`.
        var precision: String
        var threads: Int
        /// Those that the daemon may run on.
        var processors: Int

        var text: String { "\(precision), \(threads) thread\(threads == 1 ? "" : "s")" }

        /// What would make the passes faster, apart from a smaller model.
        var remedies: [String] {
            (isQuantized ? [] : ["use precision int8"])
                + (threads < processors ? ["raise threads to \(processors)"] : [])
        }
    }
}

private import Glibc

/// Keeps the processor time of the whole process below a limit, by the time between two windows.
///
///     processor time   ▁▁████████▁▁▁▁▁▁▁▁▁▁▁▁▁████████▁▁▁▁
///                        │ pass  │  the rest │
///                        begin   end         nextStart: pass / (limit - rest)
struct ProcessorBudget: Equatable {
    /// Seconds since any fixed moment.
    struct Reading: Equatable {
        var elapsed: Double
        /// Processor time of all threads of the process.
        var processor: Double
    }

    /// Processors, such as 0.5.
    let limit: Double
    /// Earliest begin of the next pass.
    private(set) var nextStart = -Double.infinity
    /// Processor time of the last window's passes.
    private var passSeconds = 0.0
    /// What everything but the passes needs: capture, features, clients.
    private var restShare = 0.0
    private var lastEnd: Reading?

    /// Parts of the limit: for the hop, and for the start of a pass. The hop is the longer of the two, so
    /// that passes wait only where the hop has not followed yet, or cannot.
    private static let hopPart = 0.85
    private static let startPart = 0.95
    /// Of the newest measurement of the rest in its moving average.
    private static let weight = 0.2

    init(limit: Double) { self.limit = limit }

    /// Records the passes of a window.
    mutating func process(begin: Reading, end: Reading) {
        if let lastEnd, begin.elapsed > lastEnd.elapsed {
            let share = (begin.processor - lastEnd.processor) / (begin.elapsed - lastEnd.elapsed)
            restShare += Self.weight * (share - restShare)
        }
        lastEnd = end
        passSeconds = end.processor - begin.processor
        nextStart = begin.elapsed + passSeconds / free(Self.startPart)
    }

    /// The hop at which so many sources stay below the limit, with some time to spare.
    func hopSeconds(sources: Int) -> Double { Double(sources) * passSeconds / free(Self.hopPart) }

    private func free(_ part: Double) -> Double { max(0.1 * limit, part * limit - restShare) }
}

extension ProcessorBudget.Reading {
    /// Of this process, now.
    static var now: Self {
        Self(elapsed: seconds(CLOCK_MONOTONIC), processor: seconds(CLOCK_PROCESS_CPUTIME_ID))
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

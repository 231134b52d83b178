import TestSupport
import Testing

@testable import Daemon

@Suite struct ProcessorBudgetTests {
    /// Plays windows that are due every `hop` seconds for ten minutes.
    ///
    /// - Returns: Begin and processor time of each pass.
    private static func play(
        _ budget: inout ProcessorBudget, hop: Double, rest: Double, pass: () -> Double
    ) -> [(begin: Double, processor: Double)] {
        var passes: [(begin: Double, processor: Double)] = []
        var used = 0.0
        var due = 0.0
        var last = 0.0
        while due < 600 {
            let begin = max(due, budget.nextStart)
            let seconds = pass()
            // Four threads.
            let end = begin + seconds / 4
            used += rest * (begin - last)
            budget.process(
                begin: .init(elapsed: begin, processor: used),
                end: .init(elapsed: end, processor: used + seconds))
            used += seconds
            last = end
            passes.append((begin, seconds))
            due = max(due + hop, end)
        }
        return passes
    }

    @Test(arguments: 0..<100)
    func `The process stays below its limit in every minute, whatever the passes take`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let limit = Double.random(in: 0.3...2, using: &random)
        let rest = Double.random(in: 0...0.05, using: &random)
        let hop = Double.random(in: 0.01...5, using: &random)
        let mean = Double.random(in: 0.005...1, using: &random)
        var budget = ProcessorBudget(limit: limit)
        let passes = Self.play(&budget, hop: hop, rest: rest) {
            mean * .random(in: 0.9...1.1, using: &random)
        }
        for (index, first) in passes.enumerated() where first.begin > 30 {
            let minute = passes[index...].prefix { $0.begin < first.begin + 60 }
            let used = minute.reduce(60 * rest) { $0 + $1.processor }
            // The last pass of a minute begins in it and may end after it.
            #expect(used <= 60 * limit + mean * 1.1)
        }
    }

    @Test func `At the hop that the budget asks for, no pass waits`() {
        var budget = ProcessorBudget(limit: 0.5)
        _ = Self.play(&budget, hop: 1, rest: 0.02) { 0.8 }
        let hop = budget.hopSeconds(sources: 1)
        #expect(hop > 1.6 && hop < 2.2)
        let passes = Self.play(&budget, hop: hop, rest: 0.02) { 0.8 }
        #expect(zip(passes, passes.dropFirst()).allSatisfy { abs($1.begin - $0.begin - hop) < 1e-6 })
        #expect(budget.hopSeconds(sources: 3) == 3 * budget.hopSeconds(sources: 1))
    }

    @Test func `Processor time is that of the whole process`() {
        let begin = ProcessorBudget.Reading.now
        var sum = 0.0
        for value in 0..<2_000_000 { sum += Double(value).squareRoot() }
        let end = ProcessorBudget.Reading.now
        #expect(sum > 0 && end.processor > begin.processor && end.elapsed > begin.elapsed)
    }
}

import Foundation
import Synchronization
import Testing

@testable import Inference

@Suite struct WorkerPoolTests {
    /// Counts that several workers add to. A pthread lock, which the thread sanitizer understands.
    ///
    /// SAFETY: `counts` is touched under the lock alone.
    private final class Tally: @unchecked Sendable {
        private let lock = NSLock()
        private var counts: [Int]
        init(_ count: Int) { counts = [Int](repeating: 0, count: count) }
        func add(_ index: Int) { lock.withLock { counts[index] += 1 } }
        var values: [Int] { lock.withLock { counts } }
    }

    @Test(arguments: 1...6)
    func `Every worker runs every job once`(workers: Int) {
        let pool = WorkerPool(count: workers)
        let tally = Tally(workers)
        for job in 1...1000 {
            pool.run { tally.add($0) }
            // All have come back when run returns.
            #expect(tally.values == [Int](repeating: job, count: workers))
        }
    }

    @Test(arguments: 1...6)
    func `Each item is handed out once, to a worker that there is`(workers: Int) {
        let pool = WorkerPool(count: workers)
        for items in [0, 1, 2, workers, 3 * workers + 1, 500] {
            let tally = Tally(items)
            let used = Tally(workers)
            pool.distribute(items) { worker, item in
                tally.add(item)
                used.add(worker)
            }
            #expect(tally.values.allSatisfy { $0 == 1 }, "\(items) items")
            #expect(used.values.reduce(0, +) == items)
        }
    }

    @Test func `A thousand jobs of both kinds follow each other on one pool`() {
        let pool = WorkerPool(count: 3)
        let sum = Atomic<Int>(0)
        for job in 0..<1000 {
            if job % 2 == 0 {
                pool.run { sum.add($0 + 1, ordering: .relaxed) }
            } else {
                pool.distribute(job % 7) { _, item in sum.add(item, ordering: .relaxed) }
            }
        }
        let distributed = (0..<1000).filter { $0 % 2 == 1 }.map { $0 % 7 * ($0 % 7 - 1) / 2 }.reduce(0, +)
        #expect(sum.load(ordering: .relaxed) == 500 * 6 + distributed)
    }

    @Test func `Pools side by side do not mix their jobs`() {
        let first = WorkerPool(count: 3), second = WorkerPool(count: 2)
        let firstTally = Tally(3), secondTally = Tally(2)
        for _ in 0..<200 {
            first.run { worker in
                firstTally.add(worker)
                if worker == 0 { second.run { secondTally.add($0) } }
            }
        }
        #expect(firstTally.values == [200, 200, 200])
        #expect(secondTally.values == [200, 200])
    }

    @Test func `Denormal numbers are flushed in a job, on every worker, and not after it`() {
        let pool = WorkerPool(count: 3)
        let flushed = Tally(3)
        let tiny = Float.leastNormalMagnitude
        let half = Float("0.5") ?? 0
        pool.run { worker in
            if tiny * half == 0 { flushed.add(worker) }
        }
        #expect(flushed.values == [1, 1, 1])
        #expect(tiny * half > 0, "the caller's own arithmetic is as before")
    }

    @Test func `A pool that goes away leaves no thread behind`() {
        // Were they kept, 3000 threads would exceed what a container usually allows, or this machine's memory.
        for _ in 0..<1000 { WorkerPool(count: 4).run { _ in } }
    }
}

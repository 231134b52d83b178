import Foundation
import Synchronization
import SystemSupport
import Testing

@testable import Inference

@Suite struct WorkerPoolTests {
    /// Counters that several workers increment, under a pthread lock, which the thread sanitizer supports.
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
    func `Every worker runs every job once`(workers: Int) throws {
        let pool = try WorkerPool(count: workers)
        let tally = Tally(workers)
        for job in 1...1000 {
            pool.run { tally.add($0) }
            // All workers have finished when run returns.
            #expect(tally.values == [Int](repeating: job, count: workers))
        }
    }

    @Test(arguments: 1...6)
    func `Each item is assigned once, to a valid worker`(workers: Int) throws {
        let pool = try WorkerPool(count: workers)
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

    @Test func `A pool runs a thousand jobs of both kinds in sequence`() throws {
        let pool = try WorkerPool(count: 3)
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

    @Test func `Concurrent pools do not mix their jobs`() throws {
        let first = try WorkerPool(count: 3), second = try WorkerPool(count: 2)
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

    @Test func `Denormal numbers are flushed in a job, on every worker, and not after it`() throws {
        let pool = try WorkerPool(count: 3)
        let flushed = Tally(3)
        let tiny = Float.leastNormalMagnitude
        let half = Float("0.5") ?? 0
        pool.run { worker in
            if tiny * half == 0 { flushed.add(worker) }
        }
        #expect(flushed.values == [1, 1, 1])
        #expect(tiny * half > 0, "the caller's own arithmetic is as before")
    }

    @Test func `A pool that is deallocated leaves no thread`() throws {
        // 3000 remaining threads would exceed the usual limit of a container, or the memory.
        for _ in 0..<1000 { try WorkerPool(count: 4).run { _ in } }
    }

    @Test func `A pool whose third thread is refused throws and ends the two it had started`() throws {
        let bodies = Atomic<Int>(0)
        let refusal = ThreadError(name: "astd-worker-3", code: EAGAIN)
        #expect(throws: refusal) {
            _ = try WorkerPool(count: 5) { name, body throws(ThreadError) in
                if name == "astd-worker-3" { throw refusal }
                return try NamedThread(name) {
                    body()
                    bodies.add(1, ordering: .sequentiallyConsistent)
                }
            }
        }
        // The pool joins its threads, so both have ended when the initialiser throws.
        let ended = bodies.load(ordering: .sequentiallyConsistent)
        #expect(ended == 2)
    }
}

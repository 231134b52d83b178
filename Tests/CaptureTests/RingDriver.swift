import Capture
import TestSupport
import TestSupport

extension SampleRing {
    /// Pushes an array.
    func push(_ samples: [Float], at nanos: Int64 = 0) {
        samples.withUnsafeBufferPointer { push($0, lastSampleNanos: nanos) }
    }

    /// Pushes an array, waiting for room.
    func pushWaiting(_ samples: [Float], at nanos: Int64 = 0) {
        samples.withUnsafeBufferPointer { pushWaiting($0, lastSampleNanos: nanos) }
    }

    /// Pops at most `limit` samples.
    func pop(_ limit: Int) -> (read: Read, samples: [Float]) {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: limit)
        defer { buffer.deallocate() }
        let read = pop(into: buffer)
        if case .samples(let count, _, _) = read { return (read, Array(buffer[..<count])) }
        return (read, [])
    }
}

/// Records what a consumer reads from a stream, and checks that it is contiguous.
struct StreamLog {
    struct Gap: Equatable {
        var start: Int64
        var end: Int64
        var reason: GapReason
    }

    var samples: [Float] = []
    var gaps: [Gap] = []
    /// The position after the last sample or gap.
    var position: Int64 = 0
    /// The first stretch that did not start where the previous one ended.
    var firstMismatch: String?
    /// The time of the last sample popped.
    var lastNanos: Int64 = 0
    var isFinished = false

    /// Samples in gaps of one reason.
    func missing(_ reason: GapReason) -> Int64 {
        gaps.filter { $0.reason == reason }.reduce(0) { $0 + $1.end - $1.start }
    }

    /// Pops one stretch.
    ///
    /// - Returns: Whether there was one.
    mutating func take(from ring: SampleRing, limit: Int = 700) -> Bool {
        let (read, samples) = ring.pop(limit)
        switch read {
        case .samples(let count, let start, let nanos):
            if start != position {
                firstMismatch = firstMismatch ?? "\(count) samples at \(start), not \(position)"
            }
            self.samples += samples
            position = start + Int64(count)
            lastNanos = nanos
        case .gap(let start, let end, let reason):
            if start != position { firstMismatch = firstMismatch ?? "gap at \(start), not \(position)" }
            gaps.append(Gap(start: start, end: end, reason: reason))
            position = end
        case .empty: return false
        case .finished:
            isFinished = true
            return false
        }
        return true
    }

    /// Consumes until a condition holds.
    ///
    /// - Throws: ``TestFailure`` when the stream ends before, or after ``waitLimitSeconds``.
    mutating func read(
        _ ring: SampleRing, until what: String, _ isDone: (StreamLog) -> Bool
    ) async throws {
        try await eventually(what) {
            while take(from: ring) { if isDone(self) { return true } }
            if isDone(self) { return true }
            if isFinished { throw TestFailure("the stream ended before \(what): \(summary)") }
            return nil
        } otherwise: {
            summary
        }
    }

    /// Consumes until the stream ends.
    mutating func readToEnd(_ ring: SampleRing) async throws {
        try await eventually("the end of the stream") {
            while take(from: ring) {}
            return isFinished ? true : nil
        } otherwise: {
            summary
        }
    }

    /// Consumes everything in the ring.
    mutating func readAvailable(_ ring: SampleRing) { while take(from: ring) {} }

    private var summary: String { "\(samples.count) samples, gaps \(gaps)" }
}

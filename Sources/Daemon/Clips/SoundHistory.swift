/// The last seconds of the stream, addressed by position: a circular buffer.
struct SoundHistory {
    private var samples: [Float] = []
    /// One past the newest sample.
    private(set) var end: Int64 = 0
    private var count = 0

    var capacity: Int { samples.count }
    /// The oldest sample in memory.
    var start: Int64 { end - Int64(count) }

    init() {}

    /// - Parameter capacity: In samples; allocated here, once.
    init(capacity: Int) { samples = [Float](repeating: 0, count: capacity) }

    /// Appends the stream's next samples, which start at `position`. A discontinuity drops the samples before
    /// it.
    mutating func append(_ new: UnsafeBufferPointer<Float>, at position: Int64) {
        guard capacity > 0 else { return }
        if position != end { (count, end) = (0, position) }
        for sample in new {
            samples[Int(end % Int64(capacity))] = sample
            end += 1
        }
        count = min(capacity, count + new.count)
    }

    /// The samples of a range that are still in memory.
    func copy(_ range: Range<Int64>) -> [Float] {
        let range = range.clamped(to: start..<end)
        return range.map { samples[Int($0 % Int64(capacity))] }
    }
}

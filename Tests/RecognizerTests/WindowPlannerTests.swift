import Frontend
import TestSupport
import Testing

@testable import Recognizer

@Suite struct WindowPlannerTests {
    /// Plays a stream against a planner and checks its output as an observer who sees windows and gaps in
    /// their order.
    private struct Stream {
        var planner: WindowPlanner
        /// Whether the features, as the planner's instructions build them, agree with its count of frames.
        var featureSamples = 0
        var windows: [WindowPlanner.Window] = []
        var gaps: [Range<Int64>] = []
        var skippedWindows = 0
        /// Everything that was appended.
        var appended: [(range: Range<Int64>, isGap: Bool)] = []
        var restarts = 0
        var complaints: [String] = []

        init(windowFrames: Int, hopFrames: Int) {
            planner = WindowPlanner(windowFrames: windowFrames, hopFrames: hopFrames)
        }

        var frames: Int { featureSamples < 400 ? 0 : 1 + (featureSamples - 400) / 160 }

        mutating func append(samples count: Int) {
            let start = planner.endSample
            if let restart = planner.append(samples: count) { follow(restart, gap: nil) }
            featureSamples += count
            appended.append((start..<planner.endSample, false))
            check()
        }

        mutating func append(gap count: Int, isBridged: Bool) {
            let gap = planner.endSample..<planner.endSample + Int64(count)
            appended.append((gap, true))
            follow(planner.append(gap: gap, isBridged: isBridged), gap: gap)
            check()
        }

        private mutating func follow(_ discontinuity: WindowPlanner.Discontinuity, gap: Range<Int64>?) {
            for skipped in discontinuity.skippedSamples { report(skipped) }
            if let gap { report(gap) }
            switch discontinuity.action {
            case .appendSilence(let samples): featureSamples += samples
            case .restart(let position):
                restarts += 1
                featureSamples = 0
                if planner.originSample != position { complaints.append("restart at \(position)") }
            }
        }

        private mutating func report(_ gap: Range<Int64>) {
            if gap.isEmpty { complaints.append("empty gap at \(gap.lowerBound)") }
            // A padded window ends less than a frame's shift behind the last sample before an interruption.
            if let window = windows.last, gap.lowerBound <= window.samples.upperBound - 160 {
                complaints.append("gap \(gap) after window \(window.samples)")
            }
            gaps.append(gap)
        }

        mutating func classify(_ window: WindowPlanner.Window?) {
            guard let window else { return }
            featureSamples += window.paddingSamples
            skippedWindows += window.skippedWindows
            for skipped in window.skippedSamples { report(skipped) }
            windows.append(window)
            if window.frames.isEmpty || window.frames.upperBound > frames
                || window.frames.count > planner.windowFrames
            {
                complaints.append("window of frames \(window.frames), there are \(frames)")
            }
            if window.samples != planner.samples(ofFrames: window.frames) {
                complaints.append("window \(window) is not its samples")
            }
            check()
        }

        mutating func interrupt(isBridged: Bool) {
            classify(planner.nextWindow(.newest))
            classify(planner.windowBeforeInterruption(isBridged: isBridged))
        }

        mutating func end() {
            while let window = planner.nextWindow(.oldest(oldestFrame: 0)) { classify(window) }
            classify(planner.lastWindow())
        }

        private mutating func check() {
            if planner.frameCount != frames {
                complaints.append("\(planner.frameCount) frames planned, \(frames) exist")
            }
        }

        /// Ranges that are neither in a window nor in a gap, and ranges in two gaps.
        func account() -> [String] {
            var complaints = complaints
            var end: Int64 = 0
            for gap in gaps.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if gap.lowerBound < end { complaints.append("gap \(gap) overlaps a gap up to \(end)") }
                end = gap.upperBound
            }
            for (range, isGap) in appended where isGap && !gaps.contains(range) {
                complaints.append("gap \(range) is not reported")
            }
            // Behind the last frame less than a frame remains, which no window contains.
            let framesEnd =
                planner.frameCount == 0
                ? planner.originSample : planner.samples(ofFrames: 0..<planner.frameCount).upperBound
            var covered: Int64 = 0
            let all = windows.map(\.samples) + gaps
            for range in all.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if range.lowerBound > covered && covered < framesEnd {
                    complaints.append("nothing of \(covered)..<\(range.lowerBound)")
                }
                covered = max(covered, range.upperBound)
            }
            if covered < framesEnd { complaints.append("nothing of \(covered)..<\(framesEnd)") }
            return complaints
        }
    }

    @Test(arguments: [(96, 20), (96, 96), (64, 7), (10, 3), (1, 1), (300, 50)], 0..<40)
    func `Every sample of a random stream is in a classified window or in exactly one gap`(
        size: (window: Int, hop: Int), seed: Int
    ) {
        var random = SeededGenerator(seed: UInt64(seed))
        var stream = Stream(windowFrames: size.window, hopFrames: size.hop)
        /// The engine classifies after so many pieces on average: the larger, the slower.
        let slowness = Int.random(in: 1...12, using: &random)
        let longest = size.window * 160
        // Pieces shorter than a frame rarely make a window before the stretch is closed.
        for _ in 0..<(longest < FrontendConfig.frameSamples ? 900 : 300) {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: stream.append(gap: Int.random(in: 1..<400, using: &random), isBridged: true)
            case 1: stream.append(gap: Int.random(in: 1..<2 * longest, using: &random), isBridged: true)
            case 2: stream.append(gap: Int.random(in: 1..<2 * longest, using: &random), isBridged: false)
            case 3: stream.interrupt(isBridged: Bool.random(using: &random))
            case 4:
                // An interruption is announced and its gap follows.
                let isBridged = Bool.random(using: &random)
                stream.interrupt(isBridged: isBridged)
                stream.append(gap: Int.random(in: 1..<longest, using: &random), isBridged: isBridged)
            default: stream.append(samples: Int.random(in: 1..<longest, using: &random))
            }
            if Int.random(in: 0..<slowness, using: &random) == 0 {
                while let window = stream.planner.nextWindow(.newest) { stream.classify(window) }
            }
        }
        stream.end()
        #expect(stream.account() == [])
        #expect(stream.windows.count > 5)
        #expect(stream.restarts > 0)
    }

    @Test(arguments: [(96, 20), (64, 64), (300, 50)], 0..<40)
    func `With a hop that changes, every sample is in a classified window or in exactly one gap`(
        size: (window: Int, hop: Int), seed: Int
    ) {
        var random = SeededGenerator(seed: UInt64(seed))
        var stream = Stream(windowFrames: size.window, hopFrames: size.hop)
        let slowness = Int.random(in: 1...6, using: &random)
        for _ in 0..<400 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                let gap = Int.random(in: 1..<2 * 160 * size.window, using: &random)
                stream.append(gap: gap, isBridged: Bool.random(using: &random))
            case 1: stream.interrupt(isBridged: Bool.random(using: &random))
            default: stream.append(samples: Int.random(in: 1..<160 * size.window, using: &random))
            }
            guard Int.random(in: 0..<slowness, using: &random) == 0 else { continue }
            while let window = stream.planner.nextWindow(.newest) {
                stream.classify(window)
                if Bool.random(using: &random) {
                    stream.planner.change(hopFrames: Int.random(in: 1...size.window, using: &random))
                }
            }
        }
        stream.end()
        #expect(stream.account() == [])
        #expect(stream.windows.count > 5)
    }

    @Test func `A new hop counts from the last window`() {
        var stream = Stream(windowFrames: 100, hopFrames: 20)
        stream.append(samples: 160 * 140 + 240)
        while let window = stream.planner.nextWindow(.oldest(oldestFrame: 0)) { stream.classify(window) }
        stream.planner.change(hopFrames: 70)
        stream.append(samples: 160 * 100)
        while let window = stream.planner.nextWindow(.oldest(oldestFrame: 0)) { stream.classify(window) }
        stream.planner.change(hopFrames: 5)
        stream.append(samples: 160 * 10)
        while let window = stream.planner.nextWindow(.oldest(oldestFrame: 0)) { stream.classify(window) }
        let starts = [0, 20, 40, 110, 115, 120, 125, 130, 135, 140, 145, 150]
        #expect(stream.windows.map(\.frames.lowerBound) == starts)
        #expect(stream.skippedWindows == 0)
    }

    @Test(arguments: 0..<20)
    func `A stream that waits skips no window unless its frames are no longer in memory`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var stream = Stream(windowFrames: 96, hopFrames: 20)
        for _ in 0..<200 {
            if Int.random(in: 0..<10, using: &random) == 0 {
                stream.append(gap: Int.random(in: 1..<30_000, using: &random), isBridged: true)
            } else {
                stream.append(samples: Int.random(in: 1..<20_000, using: &random))
            }
            while let window = stream.planner.nextWindow(.oldest(oldestFrame: 0)) { stream.classify(window) }
        }
        stream.end()
        #expect(stream.account() == [])
        #expect(stream.skippedWindows == 0)
    }

    @Test func `Windows whose frames are no longer in memory are skipped and reported`() {
        var stream = Stream(windowFrames: 96, hopFrames: 20)
        stream.append(samples: 500 * 160 + 240)
        stream.classify(stream.planner.nextWindow(.oldest(oldestFrame: 130)))
        #expect(stream.windows.last?.frames == 140..<236 && stream.skippedWindows == 7)
        #expect(stream.gaps == [0..<140 * 160])
        stream.end()
        #expect(stream.account() == [])
    }

    @Test func `At an interruption the last frame is padded, and a bridged gap contains the padding`() {
        var stream = Stream(windowFrames: 96, hopFrames: 20)
        stream.append(samples: 33_001)
        while let window = stream.planner.nextWindow(.oldest(oldestFrame: 0)) { stream.classify(window) }
        stream.interrupt(isBridged: true)
        // 204 frames need 32 880 samples; the 205th is padded with 39 samples of silence.
        #expect(stream.windows.last?.paddingSamples == 39)
        #expect(stream.windows.last?.samples.upperBound == 33_040)
        stream.append(gap: 10_000, isBridged: true)
        #expect(stream.restarts == 0 && stream.featureSamples == 43_001)
        stream.append(samples: 16_000)
        let next = stream.planner.nextWindow(.newest)
        #expect(next?.frames.lowerBound.isMultiple(of: 20) == true)
        #expect((next?.samples.upperBound ?? 0) > 43_001)
    }

    @Test(arguments: [640, 641])
    func `After an interruption that is not bridged a new stretch starts, whatever the gap`(samples: Int) {
        for gap in [0, 100] {
            var stream = Stream(windowFrames: 96, hopFrames: 20)
            stream.append(samples: samples)
            stream.interrupt(isBridged: false)
            #expect(stream.windows.count == 1)
            if gap > 0 { stream.append(gap: gap, isBridged: true) }
            stream.append(samples: 20_000)
            #expect(stream.restarts == 1)
            stream.end()
            #expect(stream.account() == [])
        }
    }

    @Test(arguments: [20_001, 300])
    func
        `A pause closes the stretch of a source that was lost before, also when no sound is left to classify`(
            samples: Int
        )
    {
        var stream = Stream(windowFrames: 96, hopFrames: 20)
        stream.append(samples: samples)
        stream.interrupt(isBridged: true)
        let windows = stream.windows.count
        stream.interrupt(isBridged: false)
        #expect(stream.windows.count == windows)
        // The gap is reported as that of a lost source, and is shorter than a window.
        stream.append(gap: 5_000, isBridged: true)
        stream.append(samples: 40_000)
        stream.end()
        #expect(
            stream.windows.dropFirst(windows).allSatisfy { $0.samples.lowerBound >= Int64(samples + 5_000) })
        #expect(stream.account() == [])
    }

    @Test func `Without a gap a new stretch starts behind a padded window`() {
        var stream = Stream(windowFrames: 96, hopFrames: 20)
        stream.append(samples: 20_001)
        while let window = stream.planner.nextWindow(.oldest(oldestFrame: 0)) { stream.classify(window) }
        stream.interrupt(isBridged: true)
        #expect(stream.windows.last?.samples.upperBound == 20_080)
        stream.append(samples: 20_000)
        #expect(stream.restarts == 1 && stream.planner.originSample == 20_001)
        stream.end()
        #expect(stream.gaps == [])
        #expect(stream.account() == [])
    }

    @Test(arguments: [true, false])
    func `Too little sound for a frame is in no window before an interruption`(isBridged: Bool) {
        var planner = WindowPlanner(windowFrames: 96, hopFrames: 20)
        _ = planner.append(samples: 399)
        #expect(planner.windowBeforeInterruption(isBridged: isBridged) == nil)
        let gap = planner.append(gap: 399..<50_000, isBridged: isBridged)
        #expect(gap == .init(skippedSamples: [0..<399], action: .restart(at: 50_000)))
    }

    @Test func `After a change of the window's length every sample is still accounted for`() {
        for (before, after) in [(96, 40), (40, 96), (96, 300)] {
            var stream = Stream(windowFrames: before, hopFrames: 20)
            for step in 0..<40 {
                if step == 17 { stream.planner.change(windowFrames: after, oldestFrame: 0) }
                stream.append(samples: 7_000)
                while let window = stream.planner.nextWindow(.newest) { stream.classify(window) }
            }
            stream.end()
            #expect(stream.account() == [], "from \(before) to \(after) frames")
        }
    }
}

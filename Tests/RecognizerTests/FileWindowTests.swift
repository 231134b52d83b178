import Testing

@testable import Recognizer

/// The windows of a file.
@Suite struct FileWindowTests {
    /// The definition, for a file whose length is known: windows start at 0, hop, 2 hop, ...; the last one is
    /// the first that reaches the file's last frame. A window that would start behind the end (a hop longer
    /// than the window may jump over it) does not exist. The last window is moved to end at the last frame,
    /// unless it is the only one, or is less than 15 ms too long: then it ends before the file does.
    private static func definition(
        window: Int, hop: Int, frames: Int, spareSamples: Int = 0, last: LastWindow = .end, minimum: Int = 0
    ) -> [Int] {
        var starts: [Int] = []
        for start in stride(from: 0, to: frames, by: hop) {
            let isLast = start + window >= frames
            let added = frames - max(start, starts.last.map { $0 + window } ?? 0)
            // The last frame is 240 samples longer than its shift.
            let fits = (start + window) * 160 <= frames * 160 + 240 + spareSamples
            if isLast && !fits && !starts.isEmpty && added < minimum { break }
            starts.append(last == .padded || fits ? start : max(0, frames - window))
            if isLast { break }
        }
        return starts
    }

    /// The starts of all windows when frames arrive in pieces, and how many were complete before the end was
    /// known.
    private static func starts(
        window: Int, hop: Int, pieces: [Int], spareSamples: Int = 0, last: LastWindow = .end, minimum: Int = 0
    ) -> (all: [Int], early: Int, omitted: Range<Int64>?) {
        var planner = WindowPlanner(
            windowFrames: window, hopFrames: hop, lastWindow: last, minimumFrames: minimum)
        var starts: [Int] = []
        func take(_ next: WindowPlanner.Window) {
            starts.append(next.frames.lowerBound)
            #expect(next.skippedWindows == 0 && next.skippedSamples.isEmpty && next.paddingSamples == 0)
        }
        for piece in pieces where piece > 0 {
            // The first frame is 400 samples long, each further one adds 160.
            let restart = planner.append(samples: piece * 160 + (planner.frameCount == 0 ? 240 : 0))
            #expect(restart == nil)
            while let start = planner.nextStart(isAtEnd: false) {
                guard let next = planner.nextWindow(.oldest(oldestFrame: 0)) else { break }
                #expect(next.frames == start..<start + window)
                take(next)
            }
        }
        #expect(planner.append(samples: spareSamples) == nil)
        let early = starts.count
        while let start = planner.nextStart(isAtEnd: true), let next = planner.lastWindow() {
            #expect(next.frames == start..<min(start + window, planner.frameCount))
            take(next)
        }
        return (starts, early, planner.omittedSamples)
    }

    @Test(arguments: [1, 2, 5, 10])
    func `The windows match the definition, however the frames arrive`(window: Int) {
        for hop in 1...2 * window + 3 {
            for frames in 0...5 * window + 7 {
                let wanted = Self.definition(window: window, hop: hop, frames: frames)
                for piece in [1, 3, 7, max(1, frames)] {
                    var pieces = [Int](repeating: piece, count: frames / piece)
                    if frames % piece > 0 { pieces.append(frames % piece) }
                    let found = Self.starts(window: window, hop: hop, pieces: pieces).all
                    #expect(found == wanted, "window \(window), hop \(hop), \(frames) frames by \(piece)")
                }
            }
        }
    }

    @Test(arguments: LastWindow.allCases, [0, 1, 4, 100])
    func `Every frame is in a window or among the omitted samples, for every rule`(
        last: LastWindow, minimum: Int
    ) {
        for (window, hop) in [(10, 10), (10, 3), (10, 17), (1, 1)] {
            for frames in 1...43 {
                for spare in [0, 79, 80, 159] {
                    let wanted = Self.definition(
                        window: window, hop: hop, frames: frames, spareSamples: spare, last: last,
                        minimum: minimum)
                    let found = Self.starts(
                        window: window, hop: hop, pieces: [frames], spareSamples: spare, last: last,
                        minimum: minimum)
                    #expect(found.all == wanted, "window \(window), hop \(hop), \(frames) frames")
                    guard hop <= window else { continue }
                    let covered = (found.all.map { $0 + window }.max() ?? 0)
                    let omitted = found.omitted.map { ($0.upperBound - $0.lowerBound) / 160 } ?? 0
                    #expect(covered + Int(omitted) >= frames)
                    #expect(omitted == 0 || covered + Int(omitted) == frames)
                    #expect(omitted < max(1, minimum))
                }
            }
        }
    }

    @Test func `The last window of a file ends with the file and is full`() {
        // 5.22 s and 12.0 s of windows of 5.12 s.
        #expect(Self.starts(window: 512, hop: 512, pieces: [520]).all == [0, 8])
        #expect(Self.starts(window: 512, hop: 512, pieces: [1198]).all == [0, 512, 686])
        #expect(Self.starts(window: 512, hop: 512, pieces: [520], last: .padded).all == [0, 512])
    }

    @Test func `A file of a whole number of windows has no overlapping windows`() {
        // 10.24 s: the second window lacks two frames, which reach 15 ms beyond the file.
        #expect(Self.starts(window: 512, hop: 512, pieces: [1022], spareSamples: 80).all == [0, 512])
        #expect(Self.starts(window: 512, hop: 512, pieces: [1021], spareSamples: 0).all == [0, 509])
    }

    @Test func `A rest shorter than the minimum is reported as omitted`() {
        let found = Self.starts(window: 512, hop: 512, pieces: [520], minimum: 100)
        #expect(found.all == [0] && found.omitted == 82_160..<83_440)
        #expect(Self.starts(window: 512, hop: 512, pieces: [50], minimum: 100).all == [0], "the only one")
        let long = Self.starts(window: 512, hop: 512, pieces: [612], minimum: 100)
        #expect(long.all == [0, 100] && long.omitted == nil)
    }

    @Test func `Files of real lengths have the expected windows`() {
        #expect(Self.starts(window: 1024, hop: 1024, pieces: [1022]).all == [0])
        #expect(Self.starts(window: 1024, hop: 1024, pieces: [1024]).all == [0])
        #expect(Self.starts(window: 1024, hop: 1024, pieces: [1025]).all == [0, 1])
        #expect(Self.starts(window: 96, hop: 48, pieces: [96]).all == [0])
        #expect(Self.starts(window: 96, hop: 48, pieces: [97]).all == [0, 1])
        #expect(Self.starts(window: 96, hop: 48, pieces: [144]).all == [0, 48])
        #expect(Self.starts(window: 10, hop: 100, pieces: [100]).all == [0])
        #expect(Self.starts(window: 10, hop: 100, pieces: [101]).all == [0, 91])
        #expect(Self.starts(window: 10, hop: 3, pieces: [0]).all == [])
    }

    @Test func `A window is due as soon as its last frame exists`() {
        let pieces = [Int](repeating: 1, count: 30)
        #expect(Self.starts(window: 10, hop: 10, pieces: pieces).early == 3)
        #expect(Self.starts(window: 10, hop: 4, pieces: pieces).early == 6)
    }
}

import Testing

@testable import Recognizer

/// The windows of a file.
@Suite struct FileWindowTests {
    /// The definition, for a file whose length is known: windows start at 0, hop, 2 hop, ...; the last one is
    /// the first that reaches the file's last frame. A window that would start behind the end (a hop longer
    /// than the window may jump over it) does not exist.
    private static func definition(window: Int, hop: Int, frames: Int) -> [Int] {
        var starts: [Int] = []
        for start in stride(from: 0, to: frames, by: hop) {
            starts.append(start)
            if start + window >= frames { break }
        }
        return starts
    }

    /// The starts of all windows when frames arrive in pieces, and how many were complete before the end was
    /// known.
    private static func starts(window: Int, hop: Int, pieces: [Int]) -> (all: [Int], early: Int) {
        var planner = WindowPlanner(windowFrames: window, hopFrames: hop)
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
        let early = starts.count
        while let start = planner.nextStart(isAtEnd: true), let next = planner.lastWindow() {
            #expect(next.frames == start..<min(start + window, planner.frameCount))
            take(next)
        }
        return (starts, early)
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

    @Test func `Files of real lengths have the expected windows`() {
        #expect(Self.starts(window: 1024, hop: 1024, pieces: [1022]).all == [0])
        #expect(Self.starts(window: 1024, hop: 1024, pieces: [1024]).all == [0])
        #expect(Self.starts(window: 1024, hop: 1024, pieces: [1025]).all == [0, 1024])
        #expect(Self.starts(window: 96, hop: 48, pieces: [96]).all == [0])
        #expect(Self.starts(window: 96, hop: 48, pieces: [97]).all == [0, 48])
        #expect(Self.starts(window: 96, hop: 48, pieces: [144]).all == [0, 48])
        #expect(Self.starts(window: 10, hop: 100, pieces: [100]).all == [0])
        #expect(Self.starts(window: 10, hop: 100, pieces: [101]).all == [0, 100])
        #expect(Self.starts(window: 10, hop: 3, pieces: [0]).all == [])
    }

    @Test func `A window is due as soon as its last frame exists`() {
        let pieces = [Int](repeating: 1, count: 30)
        #expect(Self.starts(window: 10, hop: 10, pieces: pieces).early == 3)
        #expect(Self.starts(window: 10, hop: 4, pieces: pieces).early == 6)
    }
}

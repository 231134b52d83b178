import Testing

@testable import Recognizer

@Suite struct WindowPlanTests {
    /// The definition, with all of the file at hand: windows begin at 0, hop, 2 hop, ...; the last one is the first
    /// that reaches the file's last frame. One that would begin behind it (a hop longer than the window may jump
    /// over the end) holds nothing and is none.
    private static func definition(window: Int, hop: Int, frames: Int) -> [Int] {
        var starts: [Int] = []
        for start in stride(from: 0, to: frames, by: hop) {
            starts.append(start)
            if start + window >= frames { break }
        }
        return starts
    }

    /// The starts of all windows when frames come in pieces, and how many were out before the end was known.
    private static func starts(window: Int, hop: Int, pieces: [Int]) -> (all: [Int], early: Int) {
        var plan = WindowPlan(windowFrames: window, hopFrames: hop)
        var starts: [Int] = []
        var frames = 0
        for piece in pieces {
            frames += piece
            while plan.isComplete(frames: frames) {
                starts.append(plan.start)
                plan.advance()
            }
        }
        let early = starts.count
        while plan.isDue(fileFrames: frames) {
            starts.append(plan.start)
            plan.advance()
        }
        return (starts, early)
    }

    @Test(arguments: [1, 2, 5, 10])
    func `The windows are those of the definition, however the frames come`(window: Int) {
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

    @Test func `Real sizes are cut as people expect`() {
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

    @Test func `A window is out as soon as its last frame is there`() {
        let pieces = [Int](repeating: 1, count: 30)
        #expect(Self.starts(window: 10, hop: 10, pieces: pieces).early == 3)
        #expect(Self.starts(window: 10, hop: 4, pieces: pieces).early == 6)
    }
}

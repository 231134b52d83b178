import TestSupport
import Testing

@testable import Daemon

@Suite struct HopControllerTests {
    private static func changes(_ controller: inout HopController, _ demands: [Double]) -> [Int] {
        demands.compactMap { controller.process(demandSeconds: $0) ? controller.hopFrames : nil }
    }

    @Test(arguments: 0..<100)
    func `With steady passes, the hop settles at what they ask for and stays there`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var controller = HopController(range: 50...1024)
        // From any state.
        _ = Self.changes(&controller, (0..<20).map { _ in .random(in: 0.01...20, using: &random) })
        let demand = Double.random(in: 0.02...15, using: &random)
        let steady = (0..<1000).map { _ in demand * .random(in: 0.96...1.04, using: &random) }
        _ = Self.changes(&controller, Array(steady[..<30]))
        // A hop that is a tenth above most of them changes once nine fast passes follow each other, which may
        // be late. The next hop is one of the demands, and no other differs from it by a tenth: it stays.
        #expect(Self.changes(&controller, Array(steady[30...])).count <= 1)
        let wanted = max(0.5, min(demand, 10.24))
        #expect(Double(controller.hopFrames) >= 100 * wanted / 1.15)
        #expect(Double(controller.hopFrames) <= 100 * wanted * 1.15 + 1)
    }

    @Test(arguments: 0..<100)
    func `The hop stays within its range, whatever is measured`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var controller = HopController(range: 20...300)
        for _ in 0..<300 {
            let demand = Double.random(in: 0...10, using: &random)
            _ = controller.process(demandSeconds: Int.random(in: 0..<20, using: &random) == 0 ? 1e9 : demand)
            #expect((20...300).contains(controller.hopFrames))
        }
    }

    @Test(arguments: 0..<50)
    func `Single slow passes change nothing`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var controller = HopController(range: 50...512)
        let demands = (0..<100).map { $0 % 3 == 0 ? Double.random(in: 0.6...90, using: &random) : 0.4 }
        #expect(Self.changes(&controller, demands) == [])
    }

    @Test func `A throttled processor lengthens the hop after two passes, and the old hop returns`() {
        var controller = HopController(range: 50...512)
        #expect(Self.changes(&controller, [0.4, 0.4, 0.4, 1.6, 1.6]) == [160])
        #expect(Self.changes(&controller, Array(repeating: 1.6, count: 50)) == [])
        #expect(Self.changes(&controller, Array(repeating: 0.4, count: 8)) == [])
        #expect(Self.changes(&controller, [0.4]) == [50])
    }

    @Test func `A shorter window limits the hop`() {
        var controller = HopController(range: 50...512)
        _ = Self.changes(&controller, [9, 9, 9])
        #expect(controller.hopFrames == 512)
        #expect(controller.limit(longest: 300) && controller.hopFrames == 300)
        #expect(!controller.limit(longest: 500) && controller.hopFrames == 300)
    }
}

import Testing

@testable import Daemon

@Suite struct PassLoadTests {
    private static let facts = PassLoad.Facts(
        isQuantized: false, precision: "fp32", threads: 1, processors: 4)

    private static func load(_ streams: (hop: Double, pass: Double)...) -> PassLoad {
        PassLoad(streams: streams.map { PassLoad.Stream(hopSeconds: $0.hop, passSeconds: $0.pass) })
    }

    @Test func `A hop that is shorter than the pass is a problem, with what helps`() {
        let problem = Self.load((0.5, 0.7)).problem(Self.facts)
        #expect(
            problem
                == "the hop of 0.5 s cannot be kept: the passes for a window take 700 ms "
                + "(fp32, 1 thread), so windows will be skipped: set hop to at least 1.0, use precision int8, "
                + "raise threads to 4 or use a smaller model")
        #expect(Self.load((0.5, 0.49)).problem(Self.facts) == nil)
    }

    @Test func `Only remedies that are left are named`() throws {
        let facts = PassLoad.Facts(isQuantized: true, precision: "int8", threads: 4, processors: 4)
        let problem = try #require(Self.load((1, 2)).problem(facts))
        #expect(problem.hasSuffix("set hop to at least 2.86 or use a smaller model"))
    }

    @Test func `Sources share the time, each with its own hop`() throws {
        let load = Self.load((1, 0.6), (2, 0.6))
        #expect(abs(load.share - 0.9) < 1e-9 && load.problem(Self.facts) == nil)
        #expect(load.shortestHopSeconds == 1.72)
        let problem = try #require(Self.load((1, 0.8), (2, 0.8)).problem(Self.facts))
        #expect(problem.hasPrefix("the hop of 1.0 s, 2.0 s cannot be kept: the passes for a window of each"))
    }

    @Test func `With the shortest hop, 30 percent of the time remain`() {
        for milliseconds in [3.0, 19, 250, 1_100, 8_000] {
            let hop = Self.load((1, milliseconds / 1000)).shortestHopSeconds
            let share = Self.load((hop, milliseconds / 1000)).share
            #expect(share <= 0.7 + 1e-9 && (hop - 0.01001) * (1 - PassLoad.reserve) < milliseconds / 1000)
        }
    }
}

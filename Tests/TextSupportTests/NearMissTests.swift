import Testing
import TextSupport

@Suite struct NearMissTests {
    @Test(arguments: [
        ("tresholds", "thresholds"), ("Sirne", "Siren"), ("siren", "Siren"), ("mege_gap", "merge_gap"),
    ])
    func `A slip finds what was meant`(slip: String, meant: String) {
        #expect(NearMiss.of(slip, among: ["thresholds", "Siren", "merge_gap", "hop"]) == meant)
    }

    @Test func `Something else finds nothing`() {
        #expect(NearMiss.of("elephant", among: ["hop", "Siren"]) == nil)
        #expect(NearMiss.of("", among: ["hop"]) == nil)
        #expect(NearMiss.of("hop", among: []) == nil)
        #expect(NearMiss.of(String(repeating: "x", count: 100_000), among: ["hop"]) == nil)
    }
}

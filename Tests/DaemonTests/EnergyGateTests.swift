import Testing

@testable import Daemon

@Suite struct EnergyGateTests {
    private func hear(_ value: Float, count: Int = 1600, _ gate: inout EnergyGate) {
        [Float](repeating: value, count: count).withUnsafeBufferPointer { gate.hear($0) }
    }

    @Test func `Quiet lasts from the last sound on`() {
        var gate = EnergyGate(thresholdDBFS: -60)
        hear(0.0009, &gate)
        hear(0, &gate)
        #expect(gate.quietSamples == 3200)
        hear(0.0011, &gate)
        #expect(gate.quietSamples == 0)
        gate.hearSilence(samples: 500)
        hear(0.0005, count: 7, &gate)
        #expect(gate.quietSamples == 507)
    }

    @Test func `What is no number is no silence, and nothing changes nothing`() {
        var gate = EnergyGate(thresholdDBFS: -60)
        hear(0, &gate)
        hear(0, count: 0, &gate)
        #expect(gate.quietSamples == 1600)
        hear(.nan, &gate)
        #expect(gate.quietSamples == 0)
    }
}

import Testing

@testable import Daemon

@Suite struct SampleEnergyTests {
    private static func energy(_ value: Float, count: Int = 1600) -> SampleEnergy {
        [Float](repeating: value, count: count).withUnsafeBufferPointer { SampleEnergy(of: $0) }
    }

    @Test func `The gate counts the quiet samples since the last sound`() {
        var gate = EnergyGate(thresholdDBFS: -60)
        gate.process(Self.energy(0.0009))
        gate.process(Self.energy(0))
        #expect(gate.quietSamples == 3200)
        gate.process(Self.energy(0.0011))
        #expect(gate.quietSamples == 0)
        gate.processSilence(samples: 500)
        gate.process(Self.energy(0.0005, count: 7))
        #expect(gate.quietSamples == 507)
    }

    @Test func `NaN counts as sound, and no samples change nothing`() {
        var gate = EnergyGate(thresholdDBFS: -60)
        gate.process(Self.energy(0))
        gate.process(Self.energy(0, count: 0))
        #expect(gate.quietSamples == 1600)
        gate.process(Self.energy(.nan))
        #expect(gate.quietSamples == 0)
    }

    @Test func `The level is the root mean square since the last reading`() {
        var level = LevelMeter()
        #expect(level.readDBFS() == nil)
        level.process(Self.energy(0.1))
        level.process(Self.energy(0.1, count: 7))
        let decibels = level.readDBFS() ?? 0
        #expect(abs(decibels + 20) < 1e-5)
        level.process(Self.energy(0))
        #expect(level.readDBFS() == nil, "digital silence has no level")
    }
}

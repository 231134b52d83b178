import Capture
import Testing

@Suite struct SourceHealthTests {
    @Test func `Only changes of state are reported`() {
        var health = SourceHealth()
        var news: [SourceEvent.State] = []
        for state: SourceEvent.State in [
            .recovering, .healthy, .healthy, .lost, .lost, .recovering, .recovering, .lost, .recovering,
            .healthy,
            .recovering,
        ] where health.move(to: state) { news.append(state) }
        #expect(news == [.healthy, .lost, .recovering, .lost, .recovering, .healthy])
    }

    @Test func `Another reason of the same loss is reported, a repeated one is not`() {
        var health = SourceHealth()
        let reported = ["no source matches", "no source matches", "no server", nil, "no server"].map {
            reason in
            health.move(to: reason == nil ? .recovering : .lost, because: reason)
        }
        #expect(reported == [true, false, true, true, true])
    }

    @Test func `Attempts wait 0.1 s, doubling to 1 s, until the source is healthy again`() {
        var health = SourceHealth()
        let waits = (0..<7).map { _ in health.nextWaitNanos() / 1_000_000 }
        #expect(waits == [100, 200, 400, 800, 1_000, 1_000, 1_000])
        _ = health.move(to: .healthy)
        #expect(health.nextWaitNanos() == 100_000_000)
    }

    @Test func `A gap lasts from the last sample before it to the first one after it`() {
        var gapMeter = GapMeter()
        gapMeter.beginGap()
        // No samples arrived before.
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 5_000_000_000) == 0)
        // Late or early arrival inside a stream is jitter, not a gap.
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 9_000_000_000) == 0)
        gapMeter.beginGap()
        gapMeter.beginGap()
        // One second later 320 samples, 20 ms, have arrived.
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 10_000_000_000) == 16_000 - 320)
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 12_000_000_000) == 0)
        gapMeter.beginGap()
        // A negative gap, from inexact clocks, counts as none.
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 12_010_000_000) == 0)
    }

    @Test func `A sleep of the machine is a gap; reading two clocks in succession is not`() {
        var gapMeter = GapMeter()
        gapMeter.recordSleep(nanos: 5_000_000_000)
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 7_000_000_000) == 0)
        gapMeter.recordSleep(nanos: 5_000_900_000)
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 7_500_000_000) == 0)
        gapMeter.recordSleep(nanos: 3_605_000_000_000)
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 3_607_520_000_000) == 3_600 * 16_000)
        gapMeter.recordSleep(nanos: 3_605_000_000_000)
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 3_608_000_000_000) == 0)
    }
}

@Suite struct PulseSourceChoiceTests {
    private static func source(_ name: String, _ description: String, monitor: Bool = false)
        -> PulseSourceInfo
    {
        PulseSourceInfo(
            name: name, description: description, isMonitor: monitor, isDefault: false, state: .idle,
            rate: 48_000,
            channels: 2)
    }

    private static let sources = [
        source("alsa_output.pci.monitor", "Monitor of Built-in Audio", monitor: true),
        source("alsa_input.usb-Blue_Yeti-00.analog", "Blue Yeti Analogue"),
        source("alsa_input.pci", "Built-in Audio"),
        source("[odd]", "Odd"),
    ]

    @Test(arguments: [
        ("alsa_input.pci", "alsa_input.pci"),
        ("*yeti*", "alsa_input.usb-Blue_Yeti-00.analog"),
        ("Blue Yeti*", "alsa_input.usb-Blue_Yeti-00.analog"),
        ("*Built-in*", "alsa_input.pci"),  // a microphone is preferred to the monitor that comes first
        ("*", "[odd]"),  // the first microphone by name
        ("*.monitor", "alsa_output.pci.monitor"),
        ("[odd]", "[odd]"),  // an exact name is not read as a glob
    ])
    func `A glob finds names and descriptions, and prefers microphones`(pattern: String, wanted: String) {
        #expect(PulseSourceChoice.choose(pattern, among: Self.sources)?.name == wanted)
        #expect(PulseSourceChoice.choose(pattern, among: Self.sources.reversed())?.name == wanted)
    }

    @Test(arguments: ["yeti", "0", "alsa_input", "", "[", "*Yeti"])
    func `What is only part of a name matches nothing`(pattern: String) {
        #expect(PulseSourceChoice.choose(pattern, among: Self.sources) == nil)
    }
}

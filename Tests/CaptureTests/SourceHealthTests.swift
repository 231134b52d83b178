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
        // An interruption is never hidden, even if the sound after it seems to overlap that before it.
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: 12_010_000_000) == 1)
    }

    @Test func `Inexact ages of the first samples after each gap do not add up`() {
        var gapMeter = GapMeter()
        var position: Int64 = 0
        /// Samples of 20 ms arrive every 20 ms; their age is underestimated by so many milliseconds.
        func record(atMilliseconds time: Int64, error: Int64) {
            position +=
                gapMeter.recordArrival(samples: 320, lastSampleNanos: (time + error) * 1_000_000) + 320
        }
        for time in stride(from: Int64(20), through: 2_000, by: 20) { record(atMilliseconds: time, error: 0) }
        var time: Int64 = 2_000
        for cycle in Int64(0)..<200 {
            gapMeter.beginGap()
            time += 60
            // Some streams last until the server knows the age.
            let blocks = cycle % 10 == 9 ? Int64(100) : 2
            for block in 0..<blocks {
                time += 20
                record(atMilliseconds: time, error: block < 40 ? 3 : 0)
            }
        }
        #expect(abs(position - time * 16) <= 3 * 16)
    }

    @Test func `A gap does not make up for the difference between the clocks of the card and the system`() {
        var gapMeter = GapMeter()
        var nanos: Int64 = 0
        for _ in 0..<100_000 {
            nanos += 20_002_000  // 100 ppm slow
            _ = gapMeter.recordArrival(samples: 320, lastSampleNanos: nanos)
        }
        gapMeter.beginGap()
        #expect(gapMeter.recordArrival(samples: 320, lastSampleNanos: nanos + 1_020_000_000) == 16_000)
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

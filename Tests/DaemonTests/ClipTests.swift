import Capture
import Foundation
import Testing
import Settings
import Synchronization
import Wire

@testable import Daemon

@Suite(.timeLimit(.minutes(10))) struct ClipTests {
    private static func event(_ state: EventRecord.State, _ id: UInt64, label: String = "Siren")
        -> EventRecord
    {
        EventRecord(
            state: state, id: "\(id)", seq: 0, label: label, unixNanos: Int64(id) * 1_000_000_000,
            startSample: 0, endSample: 0, peakScore: 1, duration: 1)
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder =
            FileManager.default.temporaryDirectory.path + "/astd-clips-\(UInt32.random(in: 0...9_999_999))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func settings(_ folder: String?, seconds: Double = 2, megabytes: Int = 1) -> ClipSettings {
        var settings = ClipSettings()
        (settings.directory, settings.maximumSeconds, settings.maximumMegabytes) = (
            folder, seconds, megabytes
        )
        return settings
    }

    /// A ramp: each sample's value is its position, in steps of 16-bit samples.
    private func record(_ recorder: ClipRecorder, _ range: Range<Int64>) {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 1600) {
            let samples = (start..<min(start + 1600, range.upperBound)).map { Float($0 % 30_000) / 32_768 }
            samples.withUnsafeBufferPointer { recorder.process($0, at: start) }
        }
    }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// The samples of a WAV file that libsndfile wrote.
    private func samples(_ path: String) throws -> [Int16] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        try #require(bytes.count > 44)
        return stride(from: 44, to: bytes.count - 1, by: 2).map {
            Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8)
        }
    }

    @Test func `A clip starts with the window that began the event and ends with the event`() throws {
        try withFolder { folder in
            let recorder = ClipRecorder(settings(folder), logger: TestServer.logger)
            record(recorder, 0..<16_000)
            recorder.process(Self.event(.begin, 1, label: "A/B, ../c"), at: 12_000, windowSamples: 8_000)
            record(recorder, 16_000..<24_000)
            recorder.process(Self.event(.end, 1), at: 20_000, windowSamples: 8_000)
            recorder.finish()
            #expect(try names(folder) == ["astd-19700101T000001.000Z-1-A_B_____c.wav"])
            let path = try folder + "/" + names(folder)[0]
            #expect(try samples(path) == (4_000..<20_000).map { Int16($0) })
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test(arguments: [(0o750, 0o600), (0o2700, 0o600), (0o2750, 0o640)] as [(mode_t, Int)])
    func `The group of the directory reads clips only if the directory passes it on`(
        mode: mode_t, expected: Int
    ) throws {
        try withFolder { folder in
            #expect(chmod(folder, mode) == 0)
            let recorder = ClipRecorder(settings(folder), logger: TestServer.logger)
            record(recorder, 0..<16_000)
            recorder.process(Self.event(.begin, 1), at: 12_000, windowSamples: 8_000)
            recorder.process(Self.event(.end, 1), at: 16_000, windowSamples: 8_000)
            recorder.finish()
            let path = try folder + "/" + names(folder)[0]
            let found = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(found == expected)
        }
    }

    @Test func `Clips have the sound before and after their event that the settings ask for`() throws {
        try withFolder { folder in
            var settings = settings(folder)
            (settings.preSeconds, settings.postSeconds) = (0.25, 0.5)
            let recorder = ClipRecorder(settings, logger: TestServer.logger)
            record(recorder, 0..<16_000)
            recorder.process(Self.event(.begin, 1), at: 12_000, windowSamples: 4_000)
            record(recorder, 16_000..<20_000)
            recorder.process(Self.event(.end, 1), at: 16_000, windowSamples: 4_000)
            recorder.finish()
            #expect(try names(folder).isEmpty, "its last sound has not been captured")
            record(recorder, 20_000..<24_000)
            recorder.finish()
            let clip = try folder + "/" + #require(names(folder).first)
            #expect(try samples(clip) == (4_000..<24_000).map { Int16($0) })
        }
    }

    @Test(arguments: [true, false])
    func `A clip that waits for the sound after its event is written at a gap, and at the end`(
        hasGap: Bool
    ) throws {
        try withFolder { folder in
            var settings = settings(folder)
            settings.postSeconds = 1
            let recorder = ClipRecorder(settings, logger: TestServer.logger)
            record(recorder, 0..<16_000)
            recorder.process(Self.event(.begin, 1), at: 8_000, windowSamples: 4_000)
            recorder.process(Self.event(.end, 1), at: 12_000, windowSamples: 4_000)
            if hasGap { record(recorder, 99_200..<100_800) } else { recorder.endWaitingClips() }
            recorder.finish()
            let clip = try folder + "/" + #require(names(folder).first)
            #expect(try samples(clip) == (4_000..<16_000).map { Int16($0) })
        }
    }

    /// Clocks that a test sets.
    private final class Clocks: Sendable {
        let boot = Mutex<Int64>(5_000_000_000)
        let wall = Mutex<Int64>(Int64(time(nil)) * 1_000_000_000)

        var ledger: ClipLedger {
            ClipLedger(
                bootNanos: { self.boot.withLock { $0 } },
                wallOffsetNanos: { self.wall.withLock { $0 } - self.boot.withLock { $0 } })
        }

        func pass(hours: Int64) {
            boot.withLock { $0 += hours * 3_600_000_000_000 }
            wall.withLock { $0 += hours * 3_600_000_000_000 }
        }

        /// Sets the wall clock.
        func jump(hours: Int64) { wall.withLock { $0 += hours * 3_600_000_000_000 } }
    }

    @Test func `Clips of other runs are removed by age once the clock was not set for an hour`() throws {
        try withFolder { folder in
            try Data(count: 10).write(to: URL(filePath: folder + "/astd-1-old.wav"))
            let clocks = Clocks()
            var store = ClipStore(directory: folder, maximumBytes: 1_000)
            (store.maximumDays, store.ledger) = (1, clocks.ledger)
            // A clock that is years ahead, and corrected before an hour has passed.
            clocks.jump(hours: 90_000)
            #expect(store.removeOldest() == .init())
            clocks.jump(hours: -90_000)
            #expect(store.removeOldest() == .init())
            clocks.pass(hours: 2)
            #expect(store.removeOldest() == .init(), "two hours old")
            clocks.pass(hours: 23)
            #expect(store.removeOldest() == .init(tooOld: 1))
        }
    }

    @Test func `Clips of this run age by the monotonic clock, and are newer than all others`() throws {
        try withFolder { folder in
            let clocks = Clocks()
            var store = ClipStore(directory: folder, maximumBytes: 1_000_000)
            (store.maximumDays, store.ledger) = (1, clocks.ledger)
            for number in 1...3 {
                try Data(count: 100).write(to: URL(filePath: folder + "/astd-2026010\(number)T-9-A.wav"))
            }
            clocks.jump(hours: -400_000)
            // Its name begins with 1970.
            #expect(store.write([Float](repeating: 0, count: 100), of: Self.event(.end, 7)) == nil)
            clocks.jump(hours: 800_000)
            #expect(store.removeOldest() == .init())
            clocks.pass(hours: 23)
            #expect(store.removeOldest() == .init(tooOld: 3), "the clock has not been set for an hour")
            clocks.jump(hours: 10)
            #expect(store.removeOldest() == .init())
            clocks.pass(hours: 2)
            #expect(store.removeOldest() == .init(tooOld: 1))

            for number in 1...3 {
                try Data(count: 100).write(to: URL(filePath: folder + "/astd-2026010\(number)T-9-A.wav"))
            }
            let small = ClipStore(directory: folder, maximumBytes: 350, ledger: clocks.ledger)
            #expect(small.write([Float](repeating: 0, count: 100), of: Self.event(.end, 8)) == nil)
            #expect(try names(folder) == ["astd-19700101T000008.000Z-8-Siren.wav", "astd-20260103T-9-A.wav"])
        }
    }

    @Test func `The limit is a part of the disk where that is less`() throws {
        try withFolder { folder in
            var store = ClipStore(directory: folder, maximumBytes: .max)
            store.maximumDiskPercent = 50
            let all = try FileManager.default.attributesOfFileSystem(forPath: folder)[.systemSize] as? Int
            #expect(try abs(store.limitBytes - #require(all) / 2) < 1 << 20)
            #expect(store.limitText.hasPrefix("50.0 % of the disk, "))
            store = ClipStore(directory: folder, maximumBytes: 2_000_000)
            store.maximumDiskPercent = 100
            #expect(store.limitBytes == 2_000_000 && store.limitText == "2 MB")
        }
    }

    /// A ramp, three frames of two channels for each sample: left counts frames, right counts down.
    private func record(
        _ recorder: ClipRecorder, _ ring: OriginalRing, _ range: Range<Int64>, from first: Int64 = 0
    ) {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 1600) {
            let count = min(1600, range.upperBound - start)
            let values = (0..<count * 3).flatMap { frame -> [Int16] in
                let number = Int16(truncatingIfNeeded: (start * 3 + frame) % 30_000)
                return [number, -number]
            }
            ring.push(
                .init(start: start, samples: count, resampled: start - first, rateHz: 48_000, channels: 2),
                from: values)
        }
        record(recorder, range)
    }

    @Test func `A clip can have the rate and the channels of the source, at the same positions`() throws {
        try withFolder { folder in
            let ring = OriginalRing()
            let recorder = ClipRecorder(settings(folder), original: ring, logger: TestServer.logger)
            record(recorder, ring, 0..<16_000)
            recorder.process(Self.event(.begin, 1), at: 12_000, windowSamples: 8_000)
            record(recorder, ring, 16_000..<24_000)
            recorder.process(Self.event(.end, 1), at: 20_000, windowSamples: 8_000)
            // A gap: what comes behind it is a clip of its own.
            record(recorder, ring, 100_000..<124_000, from: 100_000)
            recorder.process(Self.event(.begin, 2), at: 104_000, windowSamples: 8_000)
            recorder.process(Self.event(.end, 2), at: 120_000, windowSamples: 8_000)
            recorder.finish()
            let clips = try names(folder)
            try #require(clips.count == 2)
            let header = [UInt8](try Data(contentsOf: URL(filePath: folder + "/" + clips[0])).prefix(44))
            #expect(header[22] == 2 && header[24...27] == [0x80, 0xBB, 0, 0] && header[32] == 4)
            #expect(header[28...31] == [0, 0xEE, 2, 0], "192,000 bytes a second")
            for (clip, range) in zip(clips, [4_000..<20_000, 100_000..<120_000]) {
                let expected = (range.lowerBound * 3..<range.upperBound * 3).flatMap { frame in
                    [Int16(frame % 30_000), -Int16(frame % 30_000)]
                }
                #expect(try samples(folder + "/" + clip) == expected)
            }
        }
    }

    @Test func `A clip whose original sound is incomplete has 16 kHz`() throws {
        try withFolder { folder in
            let ring = OriginalRing()
            let recorder = ClipRecorder(settings(folder), original: ring, logger: TestServer.logger)
            record(recorder, ring, 0..<16_000)
            recorder.process(Self.event(.begin, 1), at: 12_000, windowSamples: 8_000)
            record(recorder, 16_000..<17_600)
            record(recorder, ring, 17_600..<24_000)
            recorder.process(Self.event(.end, 1), at: 20_000, windowSamples: 8_000)
            recorder.finish()
            let clip = try folder + "/" + names(folder)[0]
            #expect(try samples(clip) == (4_000..<20_000).map { Int16($0) })
        }
    }

    @Test func `The memory for the original sound is bounded, and the log says so`() throws {
        try withFolder { folder in
            let (ring, log) = (OriginalRing(), LogRecorder())
            let recorder = ClipRecorder(settings(folder, seconds: 30), original: ring, logger: log.logger)
            let chunk = OriginalRing.Chunk(
                start: 0, samples: 16, resampled: 0, rateHz: 192_000, channels: 16)
            ring.push(chunk, from: [Int16](repeating: 1, count: 16 * 12 * 16))
            record(recorder, 0..<16_000)
            recorder.process(Self.event(.begin, 1), at: 12_000, windowSamples: 8_000)
            recorder.process(Self.event(.end, 1), at: 14_000, windowSamples: 8_000)
            recorder.finish()
            let clip = try folder + "/" + names(folder)[0]
            #expect(try samples(clip).count == 10_000)
            #expect(log.messages.count { $0.contains("clips have 16 kHz") } == 1, "\(log.messages)")
        }
    }

    @Test func `A clip of a long event is cut at the maximum length and written at once`() throws {
        try withFolder { folder in
            let recorder = ClipRecorder(settings(folder, seconds: 1), logger: TestServer.logger)
            record(recorder, 0..<8_000)
            recorder.process(Self.event(.begin, 1), at: 6_000, windowSamples: 4_000)
            record(recorder, 8_000..<24_000)
            recorder.finish()
            let clip = try folder + "/" + names(folder)[0]
            #expect(try samples(clip) == (2_000..<18_000).map { Int16($0) })
            recorder.process(Self.event(.end, 1), at: 24_000, windowSamples: 4_000)
            recorder.finish()
            #expect(try names(folder).count == 1)
        }
    }

    @Test func `Only the oldest clips are removed when the directory exceeds its limit`() throws {
        try withFolder { folder in
            try Data(count: 2_000_000).write(to: URL(filePath: folder + "/mine.wav"))
            let recorder = ClipRecorder(settings(folder, seconds: 10), logger: TestServer.logger)
            for id in UInt64(1)...5 {
                let start = Int64(id) * 200_000
                record(recorder, start..<start + 160_000)
                recorder.process(Self.event(.begin, id), at: start, windowSamples: 0)
                recorder.process(Self.event(.end, id), at: start + 160_000, windowSamples: 0)
                recorder.finish()
            }
            // Three of 320 kB are less than a megabyte.
            #expect(
                try names(folder).map { $0.split(separator: "-").dropFirst(2).first } == ["3", "4", "5", nil])
        }
    }

    @Test func `A lower limit deletes the oldest clips at once, and incomplete ones of long ago`() throws {
        try withFolder { folder in
            for number in 1...5 {
                try Data(count: 400_000).write(to: URL(filePath: folder + "/astd-2026010\(number)T-1-A.wav"))
            }
            for (name, age) in [("astd-old.wav.part", 3_600), ("astd-new.wav.part", 0), ("mine.part", 3_600)]
            {
                let path = folder + "/" + name
                try Data(count: 10).write(to: URL(filePath: path))
                var times = [
                    timespec(tv_sec: time(nil) - age, tv_nsec: 0),
                    timespec(tv_sec: time(nil) - age, tv_nsec: 0),
                ]
                utimensat(AT_FDCWD, path, &times, 0)
            }
            let log = LogRecorder()
            let recorder = ClipRecorder(settings(folder, megabytes: 2), logger: log.logger)
            recorder.finish()
            #expect(try names(folder).filter { $0.hasSuffix(".wav") }.count == 5)
            #expect(try names(folder).filter { $0.hasSuffix(".part") } == ["astd-new.wav.part", "mine.part"])
            recorder.apply(settings(folder, megabytes: 1))
            recorder.finish()
            #expect(
                try names(folder).filter { $0.hasSuffix(".wav") } == [
                    "astd-20260104T-1-A.wav", "astd-20260105T-1-A.wav",
                ])
            #expect(log.messages == ["removed the oldest 3 clips: the limit is 1 MB"])
        }
    }

    @Test func `A clip that cannot be written is reported with its path and the reason`() throws {
        try withFolder { folder in
            let log = LogRecorder()
            let recorder = ClipRecorder(settings(folder + "/none"), logger: log.logger)
            func recordClip(_ id: UInt64) {
                let start = Int64(id) * 16_000
                record(recorder, start..<start + 16_000)
                recorder.process(Self.event(.begin, id), at: start, windowSamples: 0)
                recorder.process(Self.event(.end, id), at: start + 9_000, windowSamples: 0)
                recorder.finish()
            }
            for id in UInt64(0)..<3 { recordClip(id) }
            let message = try #require(log.messages.first)
            #expect(message.hasPrefix("omitted a clip: cannot write \(folder)/none/astd-"))
            #expect(message.hasSuffix(": No such file or directory"))
            try FileManager.default.createDirectory(
                atPath: folder + "/none", withIntermediateDirectories: false)
            recordClip(3)
            #expect(log.messages.dropFirst() == ["clips are written again; 3 were omitted"])
            #expect(recorder.omittedClips == 3)
        }
    }

    @Test func `Samples above full scale are clipped`() throws {
        try withFolder { folder in
            let event = Self.event(.end, 1)
            let store = ClipStore(directory: folder, maximumBytes: 1_000_000)
            #expect(store.write([0.5, 2, -2, 1, -1, .nan, 1.4 / 32_768], of: event) == nil)
            let clip = try folder + "/" + names(folder)[0]
            #expect(try samples(clip) == [16_384, 32_767, -32_768, 32_767, -32_768, 32_767, 1])
        }
    }

    @Test func `Without a directory no clip is recorded, and a missing directory counts as an omitted clip`()
        throws
    {
        try withFolder { folder in
            let cases: [(String?, Int)] = [(nil, 0), (folder + "/none", 1)]
            for (directory, omitted) in cases {
                let recorder = ClipRecorder(settings(directory), logger: TestServer.logger)
                record(recorder, 0..<16_000)
                recorder.process(Self.event(.begin, 1), at: 0, windowSamples: 0)
                recorder.process(Self.event(.end, 1), at: 9_000, windowSamples: 0)
                recorder.finish()
                #expect(recorder.omittedClips == omitted)
                let found = try names(folder)
                #expect(found.isEmpty)
            }
        }
    }
}

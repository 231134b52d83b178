import Glibc
import TestSupport
import Testing
import TextSupport
import Wire

/// The times of records, for every kind of source.
@Suite(.timeLimit(.minutes(10)))
struct TimeTests {
    /// Sound with many events.
    private static let sound =
        SeededClip(seed: 7).samples + [Int16](repeating: 0, count: 20_000) + SeededClip(seed: 8).samples
        + SeededClip(seed: 9).samples
    private static let arguments = [
        "--hop", "0.1", "--set", "detection.on=0.05", "--set", "detection.minimum_hits=2", "--set",
        "detection.merge_gap=0",
    ]
    private static let nanosPerSample: Int64 = 62_500

    enum Source: String, CaseIterable, Sendable {
        case pulse, file, fastFile, recordedFile, fastPipe, pacedPipe

        /// Whether a time is the time of the first sample and the position.
        var countsSamples: Bool { ![.pulse, .pacedPipe].contains(self) }
    }

    @Test(arguments: Source.allCases)
    func `Events begin and end at the times of their windows, in order, with the length between them`(
        _ source: Source
    ) async throws {
        let folder = try TestFolder()
        let began = Self.now()
        let records = try await Self.records(of: source, in: folder)
        let predictions = records.compactMap(\.prediction)
        #expect(predictions.count >= 30)
        var times: [Int64: Timestamp] = [:]
        for prediction in predictions { times[prediction.endSample] = prediction.time }
        for (earlier, later) in zip(predictions, predictions.dropFirst()) {
            #expect(earlier.time.unixNanos < later.time.unixNanos && earlier.endSample < later.endSample)
            let samples = (later.endSample - earlier.endSample) * Self.nanosPerSample
            let slip = later.time.unixNanos - earlier.time.unixNanos - samples
            // A time is written in whole milliseconds. That of a live source follows its clock: a little back
            // at a time, and forward as far as the machine was late.
            #expect(slip >= (source.countsSamples ? -1 : -7) * 1_000_000)
            #expect(slip <= 1_000_000 || !source.countsSamples)
        }
        let first = try #require(predictions.first)
        let origin = first.time.unixNanos - first.endSample * Self.nanosPerSample
        if source == .recordedFile {
            #expect(abs(origin - 1_714_541_400 * 1_000_000_000) <= 1_000_000, "2024-05-01T05:30:00Z")
        } else {
            #expect(origin >= began - 1_000_000_000 && origin <= Self.now())
        }

        var begins: [String: EventRecord] = [:]
        var latest: Prediction?
        var ends = 0
        for record in records {
            if let prediction = record.prediction { latest = prediction }
            guard let event = record.event else { continue }
            let position = event.state == .begin ? event.startSample : event.endSample
            // The window of an event that began before the client came is not known here.
            if position >= first.endSample { #expect(times[position] == event.time, "\(event)") }
            if let latest {
                #expect(event.seq == latest.seq && event.time.unixNanos <= latest.time.unixNanos)
            }
            let onset = try #require(event.onset)
            #expect(onset.sample <= event.startSample && onset.uncertaintySeconds > 0)
            #expect(onset.time.unixNanos <= event.time.unixNanos)
            if event.state == .begin {
                #expect(event.duration == 0 && event.endSample == event.startSample)
                begins[event.id] = event
                continue
            }
            let begin = try #require(begins[event.id])
            ends += 1
            #expect(begin.startSample == event.startSample && begin.label == event.label)
            #expect(begin.onset == event.onset)
            #expect(begin.time.unixNanos <= event.time.unixNanos)
            let milliseconds = (event.time.unixNanos - begin.time.unixNanos) / 1_000_000
            #expect(Int64((event.duration * 1000).rounded()) == milliseconds, "\(begin) \(event)")
        }
        #expect(ends >= 3 && ends == begins.count)
    }

    @Test func `The name of a clip has the time of its event's begin`() async throws {
        let folder = try TestFolder()
        let clips = folder.file("clips")
        #expect(mkdir(clips, 0o700) == 0)
        let path = try folder.write(SeededClip.wav(Self.sound), to: "20240501_053000Z.wav")
        let daemon = try await RunningDaemon.start(
            [
                "--source", "file:\(path)", "--fast", "--wait-for-subscriber", "--set",
                "clips.directory=\(clips)",
            ]
                + Self.arguments, in: folder)
        let records = try await daemon.listen().rest()
        let begins = records.compactMap(\.event).filter { $0.state == .begin }
        #expect(try await daemon.program.exit().code == 0)
        let names = try await ChildProcess(["ls", clips], in: folder).exit().lines
        #expect(!names.isEmpty)
        for name in names {
            #expect(
                begins.contains { begin in
                    let time = begin.time.description.filter { $0 != ":" && $0 != "-" }
                    return name.hasPrefix("astd-\(time)-\(begin.id)-") && time.hasPrefix("20240501T0530")
                }, "\(name)")
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// All records of a daemon that reads the sound, up to its end.
    private static func records(of source: Source, in folder: TestFolder) async throws -> [LiveRecord] {
        let wav = SeededClip.wav(sound)
        let name = source == .recordedFile ? "20240501_053000Z.wav" : "sound.wav"
        let path = try folder.write(wav, to: name)
        switch source {
        case .pulse: return try await pulseRecords(path, in: folder)
        case .file, .fastFile, .recordedFile:
            let daemon = try await RunningDaemon.start(
                ["--source", "file:\(path)", "--wait-for-subscriber"]
                    + (source == .fastFile ? ["--fast"] : []) + arguments, in: folder)
            return try await daemon.listen().rest()
        case .fastPipe:
            let daemon = try await RunningDaemon.start(
                ["--source", "stdin", "--wait-for-subscriber"] + arguments, input: path, in: folder)
            return try await daemon.listen().rest()
        case .pacedPipe:
            let pipe = folder.file("pipe")
            #expect(mkfifo(pipe, 0o600) == 0)
            let writer = open(pipe, O_RDWR | O_CLOEXEC)
            let daemon = try await RunningDaemon.start(
                ["--source", "stdin"] + arguments, input: pipe, in: folder)
            let listener = try daemon.listen()
            // A recorder delivers a block of a tenth of a second ten times a second.
            try await completes("writing the sound in real time") {
                for start in stride(from: 0, to: wav.count, by: 3200) {
                    let block = Array(wav[start..<min(start + 3200, wav.count)])
                    _ = write(writer, block, block.count)
                    usleep(100_000)
                }
                close(writer)
            }
            return try await listener.rest()
        }
    }

    private static func pulseRecords(_ path: String, in folder: TestFolder) async throws -> [LiveRecord] {
        let server = try await PulseServer(in: folder)
        let daemon = try await RunningDaemon.start(
            ["--source", "pulse:\(PulseServer.monitor)"] + arguments, in: folder)
        let listener = try daemon.listen()
        let player = try server.play(path)
        #expect(try await player.exit().code == 0)
        daemon.program.send(SIGTERM)
        _ = try await daemon.program.exit()
        withExtendedLifetime(server) {}
        return try await listener.rest()
    }
}

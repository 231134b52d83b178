internal import SystemSupport

/// The thread of a ``LiveSource``: opens the stream, decodes it into the rings, and opens it again.
///
/// Threading: created and used on that thread.
final class LiveCapture {
    /// The path or the program, for messages.
    private let subject: String
    private let opener: any LiveInputOpener
    private let format: SampleFormat?
    private let outlets: CaptureOutlets
    private let reports: LiveReports
    private let stop: StopFlag
    private let pause: PauseGate

    private var gapMeter = GapMeter()
    /// Whether the source was reported as healthy since its last interruption.
    private var isHealthy = false
    private var pace = PaceLimit(atNanos: SystemClock.monotonicNanos)

    init(
        subject: String, opener: any LiveInputOpener, format: SampleFormat?, outlets: CaptureOutlets,
        reports: LiveReports, stop: StopFlag, pause: PauseGate
    ) {
        self.subject = subject
        self.opener = opener
        self.format = format
        self.outlets = outlets
        self.reports = reports
        self.stop = stop
        self.pause = pause
    }

    private var isInterrupted: Bool { stop.isRaised || pause.isClosed }

    func run() {
        while !stop.isRaised {
            if pause.wait(unless: stop) > 0 { continue }
            let (delivered, reason) = captureOnce()
            // Now that the stream is closed: what comes after the report belongs to the next writer.
            if let reason { end(reason) }
            if isInterrupted {
                opener.release()
            } else {
                wait(nanos: opener.nextWaitNanos(delivered: delivered))
            }
        }
    }

    /// Opens the stream and reads it to its end.
    ///
    /// - Returns: Whether there was sound, and why the stream is lost.
    private func captureOnce() -> (delivered: Bool, reason: String?) {
        isHealthy = false
        do throws(CaptureError) {
            let input = try opener.open()
            let stream = LiveStreamBytes(input, stop: stop, pause: pause)
            stream.onStall = { [self] isStalled in if isStalled { stalled(input) } }
            do throws(CaptureError) {
                try play(stream)
            } catch {
                // Without a byte there was no header that could be wrong.
                let reason = stream.hasDelivered ? nil : stream.reasonOfEnd
                input.close()
                opener.release()
                return (false, reason ?? Self.withAdvice(error).description)
            }
            if isInterrupted {
                gapMeter.beginGap()
                input.close()
                return (stream.hasDelivered, nil)
            }
            return (stream.hasDelivered, stream.reasonOfEnd ?? "the sound of \(subject) has ended")
        } catch {
            return (false, "\(error)")
        }
    }

    /// Other formats need a program in front, whose output is WAV.
    private static func withAdvice(_ error: CaptureError) -> CaptureError {
        guard case .unsupported(let name, _, let found) = error else { return error }
        let advice = "send a WAV stream, such as `ffmpeg -i X -f wav -` writes"
        return .unsupported(name: name, wanted: advice, found: found)
    }

    /// Plays what the stream holds: samples with or without a header, and what follows them.
    private func play(_ stream: LiveStreamBytes) throws(CaptureError) {
        var next: StreamHead? = try StreamHead(
            of: stream, headerless: format ?? .headerless, isCertain: format != nil, name: subject)
        while let head = next, !isInterrupted {
            try play(head.format, of: stream)
            next = try isInterrupted ? nil : head.following(in: stream, isLive: true, name: subject)
        }
    }

    private func play(_ format: SampleFormat, of stream: LiveStreamBytes) throws(CaptureError) {
        let decoder = try SndfileDecoder(stream, format: format, name: subject)
        let (channels, rate) = (decoder.info.channels, decoder.info.sampleRateHz)
        let frames = max(1, rate / 50)
        try outlets.setFormat(channels: channels, rateHz: rate, frames: frames, name: subject)
        let interleaved = UnsafeMutablePointer<Float>.allocate(capacity: frames * channels)
        defer { interleaved.deallocate() }
        while !isInterrupted {
            let count = try decoder.read(into: interleaved, frames: frames)
            outlets.mix(interleaved, frames: count, onChange: reportSignal)
            deliver()
            if count < frames { break }
        }
        if !isInterrupted { deliver(isEnd: true) }
    }

    private func reportSignal(_ index: Int) {
        reports.signal(outlets.all[index].chain.condition, outlet: index)
    }

    /// Writes samples that have just arrived to the rings, after the gap before them.
    ///
    /// - Parameter isEnd: Whether to flush the resamplers.
    private func deliver(isEnd: Bool = false) {
        // A pause must keep what was captured after it.
        while case let count = outlets.produce(isEnd: isEnd), count > 0, !isInterrupted {
            let now = SystemClock.bootNanos
            gapMeter.recordSleep(nanos: now - SystemClock.monotonicNanos)
            let missing = gapMeter.recordArrival(samples: count, lastSampleNanos: now)
            let reason = isHealthy ? .sourceLost : reports.healthy()
            isHealthy = true
            outlets.deliver(
                after: missing, reason: reason, lastSampleNanos: now, onChange: reportSignal)
            wait(nanos: pace.record(samples: count, atNanos: SystemClock.monotonicNanos))
        }
    }

    /// No byte has arrived for some time; the stream remains open.
    private func stalled(_ input: any LiveInput) {
        let seconds = NoDataWatchdog.limitNanos / SystemClock.nanosPerSecond
        gapMeter.beginGap()
        isHealthy = false
        // A source that waits for its next writer has its reason already.
        if !reports.isLost { reports.lost(input.reasonOfStall(seconds: seconds)) }
    }

    private func end(_ reason: String) {
        gapMeter.beginGap()
        if !isInterrupted { reports.lost(PathText.printable(reason)) }
    }

    /// Sleeps unless the source is paused or stopped.
    private func wait(nanos: Int64) {
        let end = SystemClock.monotonicNanos + nanos
        let sliceNanos: Int64 = 50_000_000
        while !isInterrupted, case let left = end - SystemClock.monotonicNanos, left > 0 {
            stop.sleep(untilMonotonicNanos: SystemClock.monotonicNanos + min(left, sliceNanos))
        }
    }
}

private import Frontend

/// Decides which window of a stream is classified next, and accounts for every sample. A pure value without
/// I/O that live streams and files share.
///
/// Invariant: every sample before ``endSample`` is part of a classified window, is reported in exactly one
/// gap, or belongs to a window that is not due yet. At the end of a stream fewer than 400 samples may remain
/// (fewer than 160 after a full frame), because frames must be full as in Kaldi (`snip_edges`); no window or
/// gap contains them.
///
/// A stream consists of stretches. Frame 0 of a stretch starts at sample ``originSample``; a frame is 400
/// samples long and starts 160 samples after its predecessor. A short gap is bridged with silence and keeps
/// the stretch; after a long gap, or a pause, a new stretch starts:
///
///     samples  originSample                                 endSample
///              ├────────── stretch ──────────┬╌╌ gap ╌╌┬────────┤╌╌ long gap ╌├── new stretch ──▶
///     frames   0    1    2    ...            │ silence │                      0    1    2
///     windows  ├───── window ─────┤          │         │                      ├──── window ...
///              │hop├───── window ─────┤      │         │
///
/// Windows that end in a bridged gap are dropped if they add no sound. At an interruption, the last frame is
/// completed with `paddingSamples` (fewer than 160) samples of silence, so that its sound is classified.
package struct WindowPlanner: Equatable, Sendable {
    /// A window to classify.
    package struct Window: Equatable, Sendable {
        /// Frames of the stretch, at most ``WindowPlanner/windowFrames``: fewer for a padded window.
        package var frames: Range<Int>
        /// The stream's samples that these frames cover.
        package var samples: Range<Int64>
        /// Windows that were due before this one and are not classified.
        package var skippedWindows: Int
        /// Samples that only the skipped windows would have covered: gaps to report.
        package var skippedSamples: [Range<Int64>]
        /// Silence to append to the features before this window is copied.
        package var paddingSamples = 0
    }

    /// What the owner of the features has to do where samples are missing.
    package struct Discontinuity: Equatable, Sendable {
        package enum Action: Equatable, Sendable {
            /// Append silence; the stretch continues.
            case appendSilence(samples: Int)
            /// Reset the features; a new stretch starts at this sample.
            case restart(at: Int64)
        }

        /// Samples before it that are in no window: gaps to report.
        package var skippedSamples: [Range<Int64>]
        package var action: Action
    }

    /// Which of several complete windows is next.
    package enum Order: Equatable, Sendable {
        /// The newest; older ones are skipped. For a stream that does not wait.
        case newest
        /// The oldest that does not start before `oldestFrame`, the oldest frame in memory.
        case oldest(oldestFrame: Int)
    }

    private var schedule: WindowSchedule
    private var coverage = CoverageTracker()
    private var hopSamples: Int64
    /// The sample at which frame 0 starts.
    package private(set) var originSample: Int64 = 0
    /// One past the last sample or bridged gap of the stream.
    package private(set) var endSample: Int64 = 0
    /// Silence that the features contain in place of the samples from ``endSample`` on.
    private var paddingSamples = 0
    /// Whether the stretch was closed: the next samples or gap start a new one, so that no window contains
    /// sound from both sides of a pause.
    private var isClosed = false

    /// - Parameter minimumFrames: A last window that would add fewer frames is left out; see
    ///   ``omittedSamples``.
    package init(
        windowFrames: Int, hopFrames: Int, lastWindow: LastWindow = .end, minimumFrames: Int = 0
    ) {
        schedule = WindowSchedule(
            windowFrames: windowFrames, hopFrames: hopFrames, lastWindow: lastWindow,
            minimumFrames: minimumFrames)
        hopSamples = Int64(hopFrames * FrontendConfig.frameShiftSamples)
    }

    /// Frames of a full window.
    package var windowFrames: Int { schedule.windowFrames }

    /// Complete frames of the stretch.
    package var frameCount: Int { frames(padding: paddingSamples) }

    /// One past the last sample that is in a window or in a gap.
    package var coveredSample: Int64 { coverage.coveredSample }

    /// The stream's samples that frames of the stretch cover.
    package func samples(ofFrames frames: Range<Int>) -> Range<Int64> {
        let samples = FrontendConfig.samples(ofFrames: frames)
        return originSample + samples.lowerBound..<originSample + samples.upperBound
    }

    // MARK: What arrives

    /// Appends the stream's next samples.
    ///
    /// - Returns: A restart when the stretch was closed or padded and the stream now continues without a gap:
    ///   the samples would lie after the padding.
    package mutating func append(samples count: Int) -> Discontinuity? {
        var restart: Discontinuity?
        if paddingSamples > 0 || isClosed { restart = self.restart(behind: endSample..<endSample) }
        endSample += Int64(count)
        return restart
    }

    /// Appends a gap, which the caller reports.
    ///
    /// - Parameters:
    ///   - gap: Starts at ``endSample``.
    ///   - isBridged: Whether a gap shorter than a window is bridged; else a new stretch starts in any case.
    package mutating func append(gap: Range<Int64>, isBridged: Bool) -> Discontinuity {
        let isShort =
            gap.count >= paddingSamples && gap.count < windowFrames * FrontendConfig.frameShiftSamples
        guard isBridged && isShort && !isClosed else { return restart(behind: gap) }
        coverage.bridge(gap)
        let silence = gap.count - paddingSamples
        paddingSamples = 0
        endSample = gap.upperBound
        dropWindows(endingIn: gap)
        return Discontinuity(skippedSamples: [], action: .appendSilence(samples: silence))
    }

    /// A window that ends in the gap is worth classifying only when no later window covers its sound.
    private mutating func dropWindows(endingIn gap: Range<Int64>) {
        let next = schedule.startOfFirst(endingAfter: frameCount)
        let soundEnd = min(gap.lowerBound, samples(ofFrames: next..<next + 1).lowerBound)
        if coverage.coveredSample >= soundEnd { schedule.dropWindows(endingBy: frameCount) }
    }

    private mutating func restart(behind gap: Range<Int64>) -> Discontinuity {
        let skipped = coverage.restart(behind: gap)
        schedule.restart()
        paddingSamples = 0
        isClosed = false
        originSample = gap.upperBound
        endSample = gap.upperBound
        return Discontinuity(skippedSamples: skipped, action: .restart(at: gap.upperBound))
    }

    // MARK: What is due

    /// Dequeues the next window that is complete; `nil` when there is none.
    package mutating func nextWindow(_ order: Order) -> Window? {
        let due =
            switch order {
            case .newest: schedule.dequeueNewest(frames: frameCount)
            case .oldest(let oldest): schedule.dequeueOldest(frames: frameCount, oldestFrame: oldest)
            }
        return due.map { window($0) }
    }

    /// Whether ``nextWindow(_:)`` would return a window.
    package func hasWindow(_ order: Order) -> Bool {
        switch order {
        case .newest: schedule.isComplete(frames: frameCount)
        case .oldest(let oldest): schedule.hasOldest(frames: frameCount, oldestFrame: oldest)
        }
    }

    /// Dequeues the last window of the stream; `nil` when every frame is in a window.
    ///
    /// - Parameter oldestFrame: The oldest frame in memory.
    package mutating func lastWindow(oldestFrame: Int = 0) -> Window? {
        schedule.dequeueLast(frames: frameCount, duration: duration, oldestFrame: oldestFrame).map {
            window($0)
        }
    }

    /// Samples at the end of the stream that are in no window, because the last window would have added too
    /// few. Valid when the stream has ended.
    package var omittedSamples: Range<Int64>? {
        guard schedule.rest(frames: frameCount) > 0,
            schedule.omitsRest(frames: frameCount, duration: duration)
        else {
            return nil
        }
        let end = samples(ofFrames: 0..<frameCount).upperBound
        return end - Int64(schedule.rest(frames: frameCount) * FrontendConfig.frameShiftSamples)..<end
    }

    /// Dequeues the window that covers the last samples before an interruption, so that they are classified
    /// now and not when the stream continues.
    ///
    /// - Parameters:
    ///   - isBridged: Whether the stretch may continue after the interruption; else it is closed, also when
    ///     no window is left to classify.
    ///   - oldestFrame: The oldest frame in memory.
    /// - Returns: `nil` when every sample is in a window, or when a later window will cover them.
    package mutating func windowBeforeInterruption(isBridged: Bool, oldestFrame: Int = 0) -> Window? {
        if !isBridged { isClosed = true }
        let samples = Int(endSample - originSample)
        guard samples >= FrontendConfig.frameSamples else { return nil }
        // The last frame is completed with silence.
        let partial = samples - FrontendConfig.samples(toFrames: frames(padding: 0))
        let padding = partial > 0 ? FrontendConfig.frameShiftSamples - partial : 0
        let count = frames(padding: padding)
        let due =
            isBridged
            ? schedule.dequeueInterrupted(frames: count, oldestFrame: oldestFrame)
            : schedule.dequeueLast(frames: count, duration: count, oldestFrame: oldestFrame)
        guard let due else { return nil }
        let appended = padding - paddingSamples
        paddingSamples = padding
        var window = window(due)
        window.paddingSamples = appended
        return window
    }

    /// The frame at which the next window starts if it is complete or, at the end of the stream, due.
    package func nextStart(isAtEnd: Bool) -> Int? {
        let isDue =
            schedule.isComplete(frames: frameCount)
            || isAtEnd && schedule.needsLast(frames: frameCount, duration: duration)
        guard isDue else { return nil }
        return schedule.isComplete(frames: frameCount)
            ? schedule.nextStart : schedule.startOfLast(frames: frameCount, duration: duration)
    }

    /// Changes the hop from the last window to the next, and those that follow: between two windows.
    package mutating func change(hopFrames: Int) {
        schedule.change(hopFrames: hopFrames)
        hopSamples = Int64(hopFrames * FrontendConfig.frameShiftSamples)
    }

    /// Changes the length of the windows to come; see ``WindowSchedule/change(windowFrames:oldestFrame:)``.
    package mutating func change(windowFrames: Int, oldestFrame: Int) {
        schedule.change(windowFrames: windowFrames, oldestFrame: oldestFrame)
    }

    private mutating func window(_ due: WindowSchedule.Due) -> Window {
        let frames = due.start..<min(due.start + windowFrames, frameCount)
        let samples = samples(ofFrames: frames)
        let skipped = coverage.cover(window: samples, hop: hopSamples, skipped: due.skippedWindows)
        return Window(
            frames: frames, samples: samples, skippedWindows: due.skippedWindows, skippedSamples: skipped)
    }

    /// Frame shifts from the stretch's first sample to its last.
    private var duration: Int { Int(endSample - originSample) / FrontendConfig.frameShiftSamples }

    private func frames(padding: Int) -> Int {
        FrontendConfig.frames(inSamples: Int(endSample - originSample) + padding)
    }
}

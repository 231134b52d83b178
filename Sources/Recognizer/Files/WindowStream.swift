internal import Capture
package import Frontend

/// Receives every frame of a file while the file is read.
package protocol FrameObserver: Sendable {
    /// - Parameter rows: Log-mel energies, `[frames, mels]`, row-major, not normalised.
    mutating func append(_ rows: UnsafeBufferPointer<Float>, mels: Int)
}

/// The windows of an open file, in the order of time.
///
/// Threading: one thread at a time, not always the same one.
package final class WindowStream {
    /// A window of the file and the variant that scores it.
    package struct Window: Sendable {
        package var variant: Int
        /// Counted from 1; `nil` for the mean of all.
        package var channel: Int?
        /// Never past the file's end.
        package var frames: Range<Int>
        package var startSeconds: Double
        /// Never past the file's end.
        package var endSeconds: Double
        /// Floats of its features.
        package var featureCount: Int

        package init(
            variant: Int, channel: Int? = nil, frames: Range<Int>, startSeconds: Double, endSeconds: Double,
            featureCount: Int
        ) {
            self.variant = variant
            self.channel = channel
            self.frames = frames
            self.startSeconds = startSeconds
            self.endSeconds = endSeconds
            self.featureCount = featureCount
        }
    }

    package let path: String
    /// Counted from 1; `nil` for the mean of all.
    package let channel: Int?
    /// The file's own number of channels.
    package var channelCount: Int { reader.channels }
    /// Why the mean of the channels does not represent them; `nil` when it does. Valid after the last window.
    package var warning: String? { reader.mixWarning }
    /// What is not read of a file with several audio tracks.
    package var trackWarning: String? { reader.trackWarning }
    /// The file's own rate in Hz.
    package var sampleRateHz: Int { reader.sampleRateHz }
    /// Seconds of audio read so far.
    package var seconds: Double { Double(samples) / Double(FrontendConfig.sampleRateHz) }
    package var fractionRead: Double { reader.fractionRead }
    /// Seconds at the end of the file that are in no window, because a last window would have added too few.
    /// Valid after the last window.
    package var omittedSeconds: Double {
        let samples = planners.compactMap(\.omittedSamples?.count).max() ?? 0
        return Double(samples) / Double(FrontendConfig.sampleRateHz)
    }
    /// Receives the frames as they are read.
    package private(set) var observer: (any FrameObserver)?

    private let reader: AudioFileReader
    private let variants: [Variant]
    package let features: SlidingFeatures
    /// One for each variant.
    private var planners: [WindowPlanner]
    private var samples = 0
    private var hasEnded = false
    /// A tenth of a second: less than the frames that the features keep beyond a window.
    private static let blockSamples = 1600
    private static let frameSeconds = 0.01
    private var block = [Float](repeating: 0, count: WindowStream.blockSamples)
    private var row: [Float] = []

    /// - Parameters:
    ///   - path: A file, or `-` for standard input.
    ///   - rule: Which windows the file has.
    ///   - features: Used by this stream alone from now on; kept for the longest of the variants' windows.
    ///   - observer: Receives the file's frames as they are read.
    convenience init(
        path: String, _ variants: [Variant], _ rule: WindowRule, _ features: SlidingFeatures,
        observer: (any FrameObserver)? = nil
    ) throws(FileClassifier.Failure) {
        let reader: AudioFileReader
        do throws(CaptureError) {
            // `<(...)` of a shell is a pipe that is named by its number, such as /dev/fd/63.
            reader =
                if path == "-" {
                    try AudioFileReader(descriptor: 0, name: "standard input")
                } else if let number = AudioFileReader.openStream(path: path) {
                    try AudioFileReader(descriptor: number, name: path)
                } else {
                    try AudioFileReader(path: path)
                }
        } catch {
            throw FileClassifier.Failure(error)
        }
        try self.init(reader, path: path, variants, rule, features, observer: observer)
    }

    /// The windows of another channel of the same file.
    ///
    /// - Parameters: As ``init(path:_:_:_:observer:)``.
    /// - Throws: ``FileClassifier/Failure``.
    convenience init(
        channel: Int, of other: WindowStream, _ rule: WindowRule, _ features: SlidingFeatures,
        observer: (any FrameObserver)? = nil
    ) throws(FileClassifier.Failure) {
        let reader: AudioFileReader
        do throws(CaptureError) { reader = try other.reader.reopened() } catch {
            throw FileClassifier.Failure(error)
        }
        var rule = rule
        rule.channels = .number(channel)
        try self.init(reader, path: other.path, other.variants, rule, features, observer: observer)
    }

    /// - Throws: ``FileClassifier/Failure`` when the file does not have the channel.
    init(
        _ reader: AudioFileReader, path: String, _ variants: [Variant], _ rule: WindowRule,
        _ features: SlidingFeatures, observer: (any FrameObserver)? = nil
    ) throws(FileClassifier.Failure) {
        switch rule.channels {
        case .mix: channel = nil
        case .number(let number): channel = number
        case .each: channel = 1
        }
        do throws(CaptureError) {
            if let channel { try reader.select(channel: channel) }
        } catch {
            throw FileClassifier.Failure(error)
        }
        self.reader = reader
        self.path = path
        self.variants = variants
        self.features = features
        self.observer = observer
        features.reset()
        planners = variants.map {
            WindowPlanner(
                windowFrames: $0.frontend.windowFrames,
                hopFrames: rule.hopFrames ?? $0.frontend.windowFrames, lastWindow: rule.lastWindow,
                minimumFrames: rule.minimumFrames)
        }
    }

    /// Reads until a window is complete and copies its normalised features, `[frames, mels]`.
    ///
    /// - Returns: `nil` at the end of the file.
    /// - Throws: ``FileClassifier/Failure``; windows returned before remain valid.
    func next(into target: UnsafeMutableBufferPointer<Float>) throws(FileClassifier.Failure) -> Window? {
        while !hasEnded {
            if let window = nextWindow(into: target) { return window }
            try readBlock()
        }
        if features.frameCount == 0 {
            throw FileClassifier.Failure(
                code: "too_short",
                message:
                    "\(reader.name) is too short: \(samples) \(samples == 1 ? "sample" : "samples") at 16 kHz, "
                    + "but one frame needs \(FrontendConfig.frameSamples) (25 ms)")
        }
        if let window = nextWindow(into: target) { return window }
        if let shortage = reader.shortage { throw FileClassifier.Failure(shortage) }
        return nil
    }

    private func readBlock() throws(FileClassifier.Failure) {
        let count: Int
        do throws(CaptureError) {
            count = try block.withUnsafeMutableBufferPointer { buffer throws(CaptureError) in
                try reader.read(into: buffer)
            }
        } catch {
            throw FileClassifier.Failure(error)
        }
        samples += count
        hasEnded = count == 0
        // A file has no gaps, so its planners never restart.
        for index in planners.indices { _ = planners[index].append(samples: count) }
        let before = features.frameCount
        block.withUnsafeBufferPointer { features.append(UnsafeBufferPointer(rebasing: $0[..<count])) }
        if observer != nil { passFrames(from: before) }
    }

    /// Passes the frames from `start` on to the observer.
    private func passFrames(from start: Int) {
        let mels = features.config.melBins
        let plain = FrontendConfig(
            melBins: mels, windowFrames: features.frameCount - start, normalisation: nil)
        guard plain.windowFrames > 0 else { return }
        row = [Float](repeating: 0, count: plain.windowFrames * mels)
        row.withUnsafeMutableBufferPointer { features.copyWindow(from: start, as: plain, into: $0) }
        row.withUnsafeBufferPointer { observer?.append($0, mels: mels) }
    }

    /// Dequeues the window that starts first among the next windows of all variants, and copies its features.
    private func nextWindow(into target: UnsafeMutableBufferPointer<Float>) -> Window? {
        let starts = planners.map { $0.nextStart(isAtEnd: hasEnded) }
        let due = starts.indices.filter { starts[$0] != nil }
        guard let index = due.min(by: { starts[$0] ?? 0 < starts[$1] ?? 0 }) else { return nil }
        guard let window = planners[index].nextWindow(.oldest(oldestFrame: 0)) ?? planners[index].lastWindow()
        else { return nil }
        let frontend = variants[index].frontend
        let count = frontend.windowFrames * frontend.melBins
        let start = window.frames.lowerBound
        features.copyWindow(
            from: start, as: frontend, into: UnsafeMutableBufferPointer(rebasing: target[..<count]))
        let end = Double(start + frontend.windowFrames) * Self.frameSeconds
        // All complete windows at multiples of the hop were returned before the end was known. One that was
        // moved to end with the file covers it to its last frame, up to 15 ms behind a multiple of 10 ms.
        let wasMoved = hasEnded && window.frames.count == frontend.windowFrames
        return Window(
            variant: index, channel: channel, frames: window.frames,
            startSeconds: Double(start) * Self.frameSeconds,
            endSeconds: wasMoved ? seconds : hasEnded ? min(end, seconds) : end, featureCount: count)
    }
}

extension FileClassifier.Failure {
    init(_ error: CaptureError) {
        self.init(code: error.code, message: error.description)
    }
}

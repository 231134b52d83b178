internal import Capture
internal import Frontend
internal import Recognizer

/// An open file as the windows that are cut from it, in the order of time.
///
/// One thread at a time, but not always the same.
final class WindowStream {
    /// A window of the file: for which variant, and where it lies.
    struct Window {
        var variant: Int
        /// Never past the file's end.
        var frames: Range<Int>
        var startSeconds: Double
        /// Never past the file's end.
        var endSeconds: Double
        /// Floats of its features.
        var featureCount: Int
    }

    let path: String
    /// The file's own rate in Hz.
    var sampleRateHz: Int { reader.sampleRateHz }
    /// Seconds of audio that were read so far.
    var seconds: Double { Double(samples) / Double(FrontendConfig.sampleRateHz) }
    var fractionRead: Double { reader.fractionRead }
    /// What the file looks like so far; `nil` where nobody asked for a picture.
    private(set) var columns: SpectrogramColumns?

    private let reader: AudioFileReader
    private let variants: [Variant]
    let features: SlidingFeatures
    private var plans: [WindowPlan]
    private var samples = 0
    private var hasEnded = false
    /// A tenth of a second: less than the frames that the features keep beyond a window.
    private static let blockSamples = 1600
    private var block = [Float](repeating: 0, count: WindowStream.blockSamples)
    private var row: [Float] = []

    /// - Parameters:
    ///   - path: A file, or `-` for standard input.
    ///   - hopFrames: `nil`: each variant's window length.
    ///   - features: Used by this stream alone from now on; kept for the longest of the variants' windows.
    ///   - columns: An empty picture to fill while reading.
    convenience init(
        path: String, _ variants: [Variant], hopFrames: Int?, _ features: SlidingFeatures,
        columns: SpectrogramColumns? = nil
    ) throws(FileClassifier.Failure) {
        let reader: AudioFileReader
        do throws(CaptureError) {
            reader =
                path == "-"
                ? try AudioFileReader(descriptor: 0, name: "standard input")
                : try AudioFileReader(path: path)
        } catch {
            throw FileClassifier.Failure(error)
        }
        self.init(reader, path: path, variants, hopFrames: hopFrames, features, columns: columns)
    }

    init(
        _ reader: AudioFileReader, path: String, _ variants: [Variant], hopFrames: Int?,
        _ features: SlidingFeatures, columns: SpectrogramColumns? = nil
    ) {
        self.reader = reader
        self.path = path
        self.variants = variants
        self.features = features
        self.columns = columns
        features.reset()
        plans = variants.map {
            WindowPlan(
                windowFrames: $0.frontend.windowFrames, hopFrames: hopFrames ?? $0.frontend.windowFrames)
        }
    }

    /// Reads on until a window is complete and copies its normalised features, `[frames, mels]`.
    ///
    /// - Returns: `nil` at the end of the file.
    /// - Throws: ``FileClassifier/Failure``; the windows before it stand.
    func next(into target: UnsafeMutableBufferPointer<Float>) throws(FileClassifier.Failure) -> Window? {
        while !hasEnded {
            if let next = earliest({ $0.isComplete(frames: features.frameCount) }) {
                return take(next, into: target)
            }
            try readBlock()
        }
        if features.frameCount == 0 {
            throw FileClassifier.Failure(
                code: "too_short",
                message:
                    "\(reader.name) has \(samples) \(samples == 1 ? "sample" : "samples") at 16 kHz, one frame needs \(FrontendConfig.frameSamples): "
                    + "give at least 25 ms of sound")
        }
        if let next = earliest({ $0.isDue(fileFrames: features.frameCount) }) {
            return take(next, into: target)
        }
        if reader.isTruncated {
            throw FileClassifier.Failure(
                code: "truncated",
                message: "\(reader.name) is cut off or damaged: what could be decoded was classified")
        }
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
        let before = features.frameCount
        block.withUnsafeBufferPointer { features.append(UnsafeBufferPointer(rebasing: $0[..<count])) }
        if columns != nil { draw(from: before) }
    }

    /// Adds the frames from `start` on to the picture, as plain logarithms.
    private func draw(from start: Int) {
        let mels = features.config.melBins
        let plain = FrontendConfig(
            melBins: mels, windowFrames: features.frameCount - start, normalisation: nil)
        guard plain.windowFrames > 0 else { return }
        row = [Float](repeating: 0, count: plain.windowFrames * mels)
        row.withUnsafeMutableBufferPointer { features.copyWindow(from: start, as: plain, into: $0) }
        row.withUnsafeBufferPointer { columns?.append($0, mels: mels) }
    }

    /// Which variant's next window begins first, of those that `isNext`: records are in the order of time.
    private func earliest(_ isNext: (WindowPlan) -> Bool) -> Int? {
        plans.indices.filter { isNext(plans[$0]) }.min { plans[$0].start < plans[$1].start }
    }

    private func take(_ index: Int, into target: UnsafeMutableBufferPointer<Float>) -> Window {
        let plan = plans[index]
        let frontend = variants[index].frontend
        let count = frontend.windowFrames * frontend.melBins
        features.copyWindow(
            from: plan.start, as: frontend, into: UnsafeMutableBufferPointer(rebasing: target[..<count]))
        plans[index].advance()
        let frameSeconds = 0.01
        let end = Double(plan.start + plan.windowFrames) * frameSeconds
        let lastFrame = min(plan.start + plan.windowFrames, features.frameCount)
        return Window(
            variant: index, frames: plan.start..<lastFrame, startSeconds: Double(plan.start) * frameSeconds,
            endSeconds: hasEnded ? min(end, seconds) : end, featureCount: count)
    }
}

extension FileClassifier.Failure {
    init(_ error: CaptureError) {
        self.init(code: error.code, message: error.description)
    }
}

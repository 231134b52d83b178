private import Capture
private import Detection
private import Frontend
private import Inference
public import Recognizer
public import Wire

/// Classifies whole files, window by window, in memory that does not grow with a file's length.
public final class FileClassifier {
    private let recognizer: Recognizer
    private let ranking: Ranking
    /// `nil`: each variant's window length.
    private let hopFrames: Int?
    /// A tenth of a second: less than the frames that the features keep beyond a window.
    private static let blockSamples = 1600

    /// Why a file could not be classified to its end.
    public struct Failure: Error, Equatable, Sendable {
        public var code: String
        public var message: String
    }

    /// - Parameters:
    ///   - topK: Labels per window; `nil` for all.
    ///   - minimumScore: Lower scores are left out; `nil` for none.
    ///   - hopFrames: In frames of 10 ms, at least 1; `nil` for the window's length.
    public init(_ recognizer: Recognizer, topK: Int?, minimumScore: Float?, hopFrames: Int?) {
        self.recognizer = recognizer
        ranking = Ranking(limit: topK, minimumScore: minimumScore)
        self.hopFrames = hopFrames
    }

    /// Calls `emit` with every window's record, in order.
    ///
    /// - Parameters:
    ///   - path: A file, or `-` for standard input.
    ///   - progress: Called now and then with the seconds of audio that were read.
    /// - Throws: ``Failure``; records before it stand.
    public func classify(
        path: String, progress: (Double) -> Void = { _ in }, emit: (BatchRecord) -> Void
    ) throws(Failure) {
        let reader = try open(path)
        let features = recognizer.features
        features.reset()
        var plans = recognizer.variants.map {
            WindowPlan(
                windowFrames: $0.frontend.windowFrames, hopFrames: hopFrames ?? $0.frontend.windowFrames)
        }
        var samples = 0
        try withBlock { block throws(Failure) in
            while true {
                let count = try read(reader, into: block)
                guard count > 0 else { break }
                samples += count
                features.append(UnsafeBufferPointer(rebasing: block[..<count]))
                while let next = Self.earliest(plans, where: { $0.isComplete(frames: features.frameCount) }) {
                    emit(try record(path, next, plans[next], samples: nil))
                    plans[next].advance()
                }
                progress(Double(samples) / Double(FrontendConfig.sampleRateHz))
            }
        }
        guard features.frameCount > 0 else {
            throw Failure(
                code: "too_short",
                message:
                    "\(path) has \(samples) samples at 16 kHz, one frame needs \(FrontendConfig.frameSamples): "
                    + "give at least 25 ms of sound")
        }
        while let next = Self.earliest(plans, where: { $0.isDue(fileFrames: features.frameCount) }) {
            emit(try record(path, next, plans[next], samples: samples))
            plans[next].advance()
        }
    }

    /// Which variant's next window begins first, of those that `isNext`: records are in the order of time.
    private static func earliest(_ plans: [WindowPlan], where isNext: (WindowPlan) -> Bool) -> Int? {
        plans.indices.filter { isNext(plans[$0]) }.min { plans[$0].start < plans[$1].start }
    }

    /// The normalised features of a file's first window, `[frames, mels]`.
    public func firstFeatures(path: String) throws(Failure) -> [Float] {
        let reader = try open(path)
        recognizer.features.reset()
        try withBlock { block throws(Failure) in
            while recognizer.features.frameCount < recognizer.windowFrames {
                let count = try read(reader, into: block)
                guard count > 0 else { break }
                recognizer.features.append(UnsafeBufferPointer(rebasing: block[..<count]))
            }
        }
        guard recognizer.features.frameCount > 0 else {
            throw Failure(
                code: "too_short", message: "\(path) is shorter than one frame: give at least 25 ms of sound")
        }
        return recognizer.features(of: recognizer.variants[0], windowFrom: 0)
    }

    /// - Parameter samples: The file's length where it is known: no window ends after it.
    private func record(
        _ path: String, _ index: Int, _ plan: WindowPlan, samples: Int?
    ) throws(Failure) -> BatchRecord {
        let variant = recognizer.variants[index]
        guard let scores = recognizer.classify(variant, windowFrom: plan.start) else {
            let reason =
                variant.network.brokenWeights()?.description ?? "its samples are too loud for the model"
            throw Failure(code: "not_finite", message: "\(path): the scores are not numbers: \(reason)")
        }
        let frameSeconds = 0.01
        let end = Double(plan.start + plan.windowFrames) * frameSeconds
        let fileEnd = samples.map { Double($0) / Double(FrontendConfig.sampleRateHz) } ?? end
        return BatchRecord(
            file: path, start: Double(plan.start) * frameSeconds, end: min(end, fileEnd),
            adapter: recognizer.variants.count > 1 ? variant.adapter : nil,
            labels: ranking.best(scores).map {
                ScoredLabel(index: $0.index, label: variant.labels[$0.index], score: $0.score)
            })
    }

    private func open(_ path: String) throws(Failure) -> AudioFileReader {
        do throws(CaptureError) {
            return path == "-"
                ? try AudioFileReader(descriptor: 0, name: "standard input") : try AudioFileReader(path: path)
        } catch {
            throw Failure(error)
        }
    }

    private func read(
        _ reader: AudioFileReader, into block: UnsafeMutableBufferPointer<Float>
    ) throws(Failure) -> Int {
        do throws(CaptureError) {
            return try reader.read(into: block)
        } catch {
            throw Failure(error)
        }
    }

    private func withBlock(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        let block = UnsafeMutableBufferPointer<Float>.allocate(capacity: Self.blockSamples)
        defer { block.deallocate() }
        try body(block)
    }
}

extension FileClassifier.Failure {
    fileprivate init(_ error: CaptureError) {
        self.init(code: error.code, message: error.description)
    }
}

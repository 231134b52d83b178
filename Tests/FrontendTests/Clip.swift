import Capture
import Frontend
import TestSupport
import Inference

/// Samples of golden clips, and their features.
enum Clip {
    /// All samples of a clip, 16 kHz mono.
    static func samples(_ relative: String) throws -> [Float] {
        let reader = try AudioFileReader(path: Golden.path(relative))
        var samples: [Float] = []
        var block = [Float](repeating: 0, count: 4096)
        while true {
            let count = try block.withUnsafeMutableBufferPointer { try reader.read(into: $0) }
            if count == 0 { return samples }
            samples += block[..<count]
        }
    }

    /// The front end of a golden model.
    static func frontend(of model: String) throws -> FrontendConfig {
        let settings = try BaseModel(directory: Golden.path(model)).network.config.features
        return FrontendConfig(
            melBins: settings.melBins, windowFrames: settings.frames,
            normalisation: settings.normalises
                ? .init(mean: Double(settings.mean), standardDeviation: Double(settings.standardDeviation))
                : nil)
    }
}

extension Fbank {
    /// All complete frames of `samples`, `[frames, melBins]`.
    func features(_ samples: [Float]) -> [Float] {
        let frames = FrontendConfig.frames(inSamples: samples.count)
        var features = [Float](repeating: .nan, count: frames * config.melBins)
        samples.withUnsafeBufferPointer { compute($0, frames: frames, into: &features) }
        return features
    }

    /// The kernel sets that this processor runs; all processors run baseline.
    static let availableKernels = ["baseline", "avx2", "avx512"].filter {
        Fbank(FrontendConfig(melBins: 4, windowFrames: 1, normalisation: nil), kernelName: $0) != nil
    }
}

extension SlidingFeatures {
    func append(_ samples: some Sequence<Float>) { Array(samples).withUnsafeBufferPointer { append($0) } }

    /// The window that starts at frame `start`, `[windowFrames, melBins]`.
    func window(from start: Int) -> [Float] {
        var window = [Float](repeating: .nan, count: config.windowFrames * config.melBins)
        window.withUnsafeMutableBufferPointer { copyWindow(from: start, into: $0) }
        return window
    }
}

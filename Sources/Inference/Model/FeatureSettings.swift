/// `preprocessor_config.json`: the parameters of the features that the model was trained on.
public struct FeatureSettings: Equatable, Sendable {
    public var melBins: Int
    /// Frames of a window.
    public var frames: Int
    public var normalises: Bool
    public var mean: Float
    public var standardDeviation: Float

    /// Reads the file; absent keys have `ASTFeatureExtractor`'s defaults.
    ///
    /// - Throws: ``ModelError``: unreadable, malformed, unsupported sampling rate or deviation.
    init(path: String) throws(ModelError) {
        let file = try ConfigFile(path: path)
        let rate = try file.integer("sampling_rate") ?? 16000
        guard rate == 16000 else {
            throw .unsupported(path: path, key: "sampling_rate", found: "\(rate)", wanted: "16000")
        }
        melBins = try file.integer("num_mel_bins") ?? 128
        frames = try file.integer("max_length") ?? 1024
        normalises = try file.bool("do_normalize") ?? true
        mean = Float(try file.double("mean") ?? -4.2677393)
        standardDeviation = Float(try file.double("std") ?? 4.5689974)
        guard mean.isFinite, standardDeviation.isFinite, standardDeviation != 0 else {
            throw .unsupported(
                path: path, key: "mean, std", found: "\(mean), \(standardDeviation)",
                wanted: "numbers, std not 0")
        }
    }

    /// Checks that the features have the shape that the model's position embeddings require.
    func check(fits dimensions: ModelDimensions, path: String) throws(ModelError) {
        guard melBins == dimensions.melBins else {
            throw .unsupported(
                path: path, key: "num_mel_bins", found: "\(melBins)",
                wanted: "\(dimensions.melBins), as in config.json")
        }
        guard frames == dimensions.frames else {
            throw .unsupported(
                path: path, key: "max_length", found: "\(frames)",
                wanted: "\(dimensions.frames), as in config.json")
        }
    }
}

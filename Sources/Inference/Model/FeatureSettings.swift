/// `preprocessor_config.json`: the parameters of the features that the model was trained on.
public struct FeatureSettings: Equatable, Sendable {
    public var melBins: Int
    /// Frames of a window.
    public var frames: Int
    public var normalises: Bool
    public var mean: Float
    public var standardDeviation: Float
    /// The file.
    public var path: String
    /// Keys that the file does not have, so that their values are `ASTFeatureExtractor`'s defaults.
    public var defaultedKeys: [String]

    private static let extractor = "ASTFeatureExtractor"
    private static let keys = ["sampling_rate", "num_mel_bins", "max_length", "do_normalize", "mean", "std"]

    /// Where the value of a key comes from: the file, or the defaults of a class.
    public func origin(of key: String) -> String {
        defaultedKeys.contains(key) ? "default of \(Self.extractor)" : path
    }

    /// Reads the file; absent keys have `ASTFeatureExtractor`'s defaults.
    ///
    /// - Throws: ``ModelError``: unreadable, malformed, of another class, unsupported sampling rate or
    ///   deviation.
    init(path: String) throws(ModelError) {
        self.path = path
        let file = try ConfigFile(path: path)
        for key in ["feature_extractor_type", "image_processor_type"] {
            // The other key names the class of an extractor for images.
            guard let found = try file.string(key), found != Self.extractor else { continue }
            throw .unsupported(
                path: path, key: key, found: found,
                wanted: "\(Self.extractor): take the preprocessor_config.json of the base")
        }
        try file.refuseNull(Self.keys)
        defaultedKeys = Self.keys.filter { file.value($0) == nil }
        let rate = try file.integer("sampling_rate") ?? 16000
        guard rate == 16000 else {
            throw .unsupported(path: path, key: "sampling_rate", found: "\(rate)", wanted: "16000")
        }
        melBins = try file.integer("num_mel_bins") ?? 128
        frames = try file.integer("max_length") ?? 1024
        normalises = try file.bool("do_normalize") ?? true
        mean = Float(try file.double("mean") ?? -4.2677393)
        standardDeviation = Float(try file.double("std") ?? 4.5689974)
        guard mean.isFinite, standardDeviation.isFinite, standardDeviation > 0 else {
            throw .unsupported(
                path: path, key: "mean, std", found: "\(mean), \(standardDeviation)",
                wanted: "numbers, std above 0")
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

public import Detection
public import Inference

/// Which model and adapters to load, and how to run them.
public struct RecognizerOptions: Sendable {
    public var model: String
    /// Directories of the adapters that classify, each on its own; empty: the base model.
    public var adapters: [String]
    /// Threads of the forward pass.
    public var threads: Int
    public var precision: Precision
    /// Whether every int8 network is compared with the same network in fp32, and computed in fp32 if the
    /// two differ too much.
    public var checksPrecision: Bool
    /// Where packed weights are cached; `nil`: not at all.
    public var cacheDirectory: String?
    /// `nil`: as the model's configuration says.
    public var activation: Activation?
    /// Groups of labels.
    public var groups: [LabelGroup] = []

    /// Frames to retain in addition to one window: a live stream's hop.
    public var historyFrames: Int

    /// Loads the base model.
    public func baseModel() throws(ModelError) -> BaseModel {
        try BaseModel(
            directory: model, precision: precision,
            cache: cacheDirectory.map { PackedCache(directory: $0) },
            checkThreads: checksPrecision ? threads : nil)
    }

    public init(
        model: String, adapters: [String] = [], threads: Int, precision: Precision = .fp32,
        checksPrecision: Bool = false, cacheDirectory: String? = nil, activation: Activation? = nil,
        historyFrames: Int = 0
    ) {
        self.model = model
        self.adapters = adapters
        self.threads = threads
        self.precision = precision
        self.checksPrecision = checksPrecision
        self.cacheDirectory = cacheDirectory
        self.activation = activation
        self.historyFrames = historyFrames
    }
}

public import Detection
public import Inference

/// What to load and how to run it.
public struct RecognizerOptions: Sendable {
    public var model: String
    /// Directories of the adapters to classify with, each for itself; none: the model as it was published.
    public var adapters: [String]
    /// Threads of the forward pass.
    public var threads: Int
    public var precision: Precision
    /// Where packed weights are kept from one start to the next; `nil`: nowhere.
    public var cacheDirectory: String?
    /// `nil`: what the model says.
    public var activation: Activation?

    /// Frames beyond the newest window whose predecessors can still be had: a live stream's hop.
    public var historyFrames: Int

    /// ``cacheDirectory`` for ``BaseModel``.
    public var cache: PackedCache? { cacheDirectory.map { PackedCache(directory: $0) } }

    public init(
        model: String, adapters: [String] = [], threads: Int, precision: Precision = .fp32,
        cacheDirectory: String? = nil, activation: Activation? = nil, historyFrames: Int = 0
    ) {
        self.model = model
        self.adapters = adapters
        self.threads = threads
        self.precision = precision
        self.cacheDirectory = cacheDirectory
        self.activation = activation
        self.historyFrames = historyFrames
    }
}

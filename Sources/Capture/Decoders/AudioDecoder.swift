/// Decodes one file or stream into frames of interleaved floats, from its start to its end.
///
/// ``SndfileDecoder`` decodes in this process, ``FFmpegDecoder`` in a child process.
///
/// Threading: one thread at a time.
protocol AudioDecoder: AnyObject {
    /// The format of the decoded frames.
    var info: DecodedFormat { get }

    /// The fraction of the input that was decoded, 0...1.
    var fractionRead: Double { get }

    /// Why decoding ended before the end of the input; nil when all of it was decoded so far.
    var damage: String? { get }

    /// Decodes the next frames.
    ///
    /// - Parameter target: Room for `frames * channels` floats.
    /// - Returns: Frames decoded; fewer than requested only at the end or at damage.
    /// - Throws: `system` when the input could not be read; what else a decoder cannot continue after.
    func read(into target: UnsafeMutablePointer<Float>, frames: Int) throws(CaptureError) -> Int
}

/// What a decoder found out about its input before the first frame.
struct DecodedFormat {
    /// Supported number of channels.
    static let maximumChannels = 64
    /// Supported rates in Hz.
    static let sampleRatesHz = 1_000...768_000

    /// Length in frames; nil when the header does not say.
    var frames: Int64?
    var sampleRateHz: Int
    var channels: Int
    /// Audio tracks of the container, of which the first is decoded.
    var tracks = 1

    /// - Throws: `unsupported` when there are too many channels, or the rate is out of range.
    func requireSupported(name: String) throws(CaptureError) {
        if !(1...Self.maximumChannels).contains(channels) {
            throw .unsupported(
                name: name, wanted: "mix it down to at most \(Self.maximumChannels) channels",
                found: "\(channels) channels")
        }
        if !Self.sampleRatesHz.contains(sampleRateHz) {
            throw .unsupported(
                name: name, wanted: "resample it to between 1 and 768 kHz",
                found: "a sample rate of \(sampleRateHz) Hz")
        }
    }
}

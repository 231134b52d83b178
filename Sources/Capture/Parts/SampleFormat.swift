/// The format of uncompressed samples.
public struct SampleFormat: Equatable, Sendable {
    /// Encoding of a sample.
    public enum Encoding: Equatable, Sendable {
        case unsigned8, signed8, signed16, signed24, signed32, float32, float64, aLaw, muLaw

        var bytes: Int {
            switch self {
            case .unsigned8, .signed8, .aLaw, .muLaw: 1
            case .signed16: 2
            case .signed24: 3
            case .signed32, .float32: 4
            case .float64: 8
            }
        }
    }

    var encoding: Encoding
    var channels: Int
    var sampleRateHz: Int
    var isBigEndian = false

    var bytesPerFrame: Int { encoding.bytes * channels }

    /// Headerless samples, unless the source says otherwise.
    static let headerless = SampleFormat(
        encoding: .signed16, channels: 1, sampleRateHz: CaptureFormat.sampleRateHz)
}

extension SampleFormat {
    private static let names: [(name: String, encoding: Encoding)] = [
        ("s16le", .signed16), ("s24le", .signed24), ("s32le", .signed32), ("f32le", .float32),
        ("u8", .unsigned8), ("mulaw", .muLaw), ("alaw", .aLaw),
    ]

    /// Parses `rate=44100,channels=2,format=s16le`; what is left out is as in ``headerless``.
    ///
    /// - Returns: nil for anything else: unknown or repeated words, values out of range.
    public init?(parsing text: String) {
        self = .headerless
        var known = ["rate", "channels", "format"]
        for field in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = field.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, let index = known.firstIndex(of: pair[0]) else { return nil }
            known.remove(at: index)
            switch pair[0] {
            case "rate":
                guard let rate = Int(pair[1]), DecodedFormat.sampleRatesHz.contains(rate) else { return nil }
                sampleRateHz = rate
            case "channels":
                guard let count = Int(pair[1]), (1...DecodedFormat.maximumChannels).contains(count) else {
                    return nil
                }
                channels = count
            default:
                guard let named = Self.names.first(where: { $0.name == pair[1] }) else { return nil }
                encoding = named.encoding
            }
        }
    }

    /// The form that ``init(parsing:)`` reads.
    var text: String {
        let name = Self.names.first { $0.encoding == encoding }?.name ?? ""
        return "rate=\(sampleRateHz),channels=\(channels),format=\(name)"
    }
}

private import CSndfile

/// Lets libsndfile read from ``AudioBytes``.
enum SndfileIO {
    /// Opens a decoder over bytes.
    ///
    /// - Parameters:
    ///   - bytes: Must stay alive until the decoder is closed.
    ///   - format: Format of headerless samples; nil to read it from a header.
    /// - Returns: The decoder and the header, or libsndfile's error number and message.
    static func open(_ bytes: AudioBytes, format: SampleFormat?) -> Opened {
        var information = SF_INFO()
        if let format {
            let order = Int32(format.isBigEndian ? SF_ENDIAN_BIG : SF_ENDIAN_LITTLE)
            information.format = Int32(SF_FORMAT_RAW) | order | subtype(format.encoding)
            information.channels = Int32(clamping: format.channels)
            information.samplerate = Int32(clamping: format.sampleRateHz)
        }
        var callbacks = SF_VIRTUAL_IO(
            get_filelen: { SndfileIO.bytes($0)?.length ?? 0 },
            seek: { offset, whence, user in
                guard let bytes = SndfileIO.bytes(user) else { return -1 }
                switch whence {
                case Int32(SF_SEEK_SET): return bytes.seek(to: offset)
                case Int32(SF_SEEK_CUR): return bytes.seek(to: bytes.offset + offset)
                default: return bytes.hidesEnd ? -1 : bytes.seek(to: bytes.length + offset)
                }
            },
            read: { target, count, user in
                guard let bytes = SndfileIO.bytes(user), let target, count > 0 else { return 0 }
                return Int64(bytes.read(into: target, count: Int(count)))
            },
            write: { _, _, _ in 0 },
            tell: { SndfileIO.bytes($0)?.offset ?? 0 })
        // SAFETY: unretained; the caller keeps `bytes` alive until the decoder is closed.
        let user = Unmanaged.passUnretained(bytes).toOpaque()
        guard let handle = sf_open_virtual(&callbacks, Int32(SFM_READ), &information, user) else {
            return .failed(number: sf_error(nil), wording: String(cString: sf_strerror(nil)))
        }
        let container = information.format & Int32(SF_FORMAT_TYPEMASK)
        return .opened(
            handle,
            SndfileInfo(
                frames: information.frames == Int64.max || !bytes.hasLength ? nil : information.frames,
                sampleRateHz: Int(information.samplerate), channels: Int(information.channels),
                isMPEG: container == Int32(SF_FORMAT_MPEG)))
    }

    enum Opened {
        case opened(OpaquePointer, SndfileInfo)
        case failed(number: Int32, wording: String)
    }

    /// libsndfile's error numbers for input that is not audio, and for audio of an unknown encoding.
    static let unrecognisedFormat = Int32(SF_ERR_UNRECOGNISED_FORMAT)
    static let unsupportedEncoding = Int32(SF_ERR_UNSUPPORTED_ENCODING)

    private static func bytes(_ user: UnsafeMutableRawPointer?) -> AudioBytes? {
        // SAFETY: `user` is the object given to sf_open_virtual, alive until sf_close.
        user.map { Unmanaged<AudioBytes>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func subtype(_ encoding: SampleFormat.Encoding) -> Int32 {
        let subtype =
            switch encoding {
            case .unsigned8: SF_FORMAT_PCM_U8
            case .signed8: SF_FORMAT_PCM_S8
            case .signed16: SF_FORMAT_PCM_16
            case .signed24: SF_FORMAT_PCM_24
            case .signed32: SF_FORMAT_PCM_32
            case .float32: SF_FORMAT_FLOAT
            case .float64: SF_FORMAT_DOUBLE
            case .aLaw: SF_FORMAT_ALAW
            case .muLaw: SF_FORMAT_ULAW
            }
        return Int32(subtype)
    }
}

/// The header as libsndfile read it.
struct SndfileInfo {
    /// Length in frames; nil when the header does not say.
    var frames: Int64?
    var sampleRateHz: Int
    var channels: Int
    var isMPEG: Bool
}

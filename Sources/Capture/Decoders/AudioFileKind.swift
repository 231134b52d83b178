/// A kind of file, and what decodes it: the table behind sniffing, messages, and the choice of files in a
/// folder.
public struct AudioFileKind: Sendable, Equatable {
    /// What decodes a kind.
    enum Decoder: Sendable, Equatable {
        /// libsndfile, in this process. What libsndfile cannot decode of it goes to that demuxer of ffmpeg,
        /// if there is one.
        case sndfile(fallback: String?)
        /// ffmpeg, in a child process, with this demuxer.
        case ffmpeg(String)
        /// Nothing: the file is not audio, or not in a form that can be decoded.
        case none
    }

    /// For messages, with its article: "an MP3 file".
    let name: String
    let decoder: Decoder
    /// Names of files of this kind in a folder, without the dot, in lower case.
    let extensions: [String]

    /// The demuxer of ffmpeg for this kind; nil when ffmpeg does not help.
    var demuxer: String? {
        switch decoder {
        case .sndfile(let fallback): fallback
        case .ffmpeg(let demuxer): demuxer
        case .none: nil
        }
    }

    /// Whether libsndfile is tried first.
    var isForSndfile: Bool { if case .sndfile = decoder { true } else { false } }

    /// Extensions of the files that astd reads without other programs.
    public static let sndfileExtensions = Set(
        all.filter(\.isForSndfile).flatMap(\.extensions))

    /// Extensions of the files that astd reads where ffmpeg is installed.
    public static let ffmpegExtensions = Set(
        all.filter { if case .ffmpeg = $0.decoder { true } else { false } }.flatMap(\.extensions))

    /// Extensions of the files that are read from a folder on this machine, as it is now.
    public static var readableExtensions: Set<String> {
        FFmpeg.isInstalled ? sndfileExtensions.union(ffmpegExtensions) : sndfileExtensions
    }

    private init(_ name: String, _ decoder: Decoder, _ extensions: [String] = []) {
        self.name = name
        self.decoder = decoder
        self.extensions = extensions
    }
}

// MARK: Decoded by libsndfile

extension AudioFileKind {
    static let wav = Self(
        "a WAV file", .sndfile(fallback: "wav"), ["wav", "wave", "bwf", "rf64", "bw64"])
    static let w64 = Self("a W64 file", .sndfile(fallback: "w64"), ["w64"])
    static let aiff = Self("an AIFF file", .sndfile(fallback: "aiff"), ["aif", "aiff", "aifc", "aiffc"])
    static let flac = Self("a FLAC file", .sndfile(fallback: "flac"), ["flac"])
    static let ogg = Self("an Ogg file", .sndfile(fallback: "ogg"), ["ogg", "oga", "opus"])
    static let mpegAudio = Self(
        "an MP3 file", .sndfile(fallback: "mp3"), ["mp3", "mp2", "mp1", "mpga", "mpa"])
    static let mpegLayer2 = Self("an MP2 file (MPEG audio, layer 2)", .sndfile(fallback: "mp3"))
    static let mpegLayer1 = Self("an MP1 file (MPEG audio, layer 1)", .sndfile(fallback: "mp3"))
    static let caf = Self("a CAF file", .sndfile(fallback: "caf"), ["caf"])
    static let au = Self("an AU file", .sndfile(fallback: "au"), ["au", "snd"])
    static let voc = Self("a Creative Voice file", .sndfile(fallback: "voc"), ["voc"])
    static let nist = Self("a NIST SPHERE file", .sndfile(fallback: "nistsphere"), ["sph", "nist"])
    static let ircam = Self("an IRCAM sound file", .sndfile(fallback: "ircam"), ["ircam"])
    static let paf = Self("an Ensoniq PARIS file", .sndfile(fallback: "paf"), ["paf", "fap"])
    static let svx = Self("an Amiga 8SVX file", .sndfile(fallback: "iff"), ["8svx", "16sv"])
    static let pvf = Self("a Portable Voice file", .sndfile(fallback: "pvf"), ["pvf"])
    static let avr = Self("an AVR file", .sndfile(fallback: "avr"), ["avr"])
}

// MARK: Decoded by ffmpeg

extension AudioFileKind {
    static let codedWAV = Self("a WAV file with DTS or S/PDIF data", .ffmpeg("wav"))
    static let speex = Self("Ogg Speex audio", .ffmpeg("ogg"), ["spx"])
    static let oggVideo = Self("an Ogg file with video", .ffmpeg("ogg"), ["ogv", "ogx", "ogm"])
    static let otherOgg = Self("an Ogg file with an unknown codec", .ffmpeg("ogg"))
    static let m4a = Self("MPEG-4 audio (M4A)", .ffmpeg("mov"), ["m4a", "m4b", "m4r"])
    static let mp4 = Self("an MP4 file", .ffmpeg("mov"), ["mp4", "m4v", "m4s"])
    static let quickTime = Self("a QuickTime file", .ffmpeg("mov"), ["mov", "qt"])
    static let threeGP = Self("a 3GP file", .ffmpeg("mov"), ["3gp", "3gpp", "3g2", "3ga"])
    static let matroska = Self("a Matroska file", .ffmpeg("matroska"), ["mka", "mkv"])
    static let webm = Self("a WebM file", .ffmpeg("matroska"), ["webm", "weba"])
    static let asf = Self("Windows Media (WMA or WMV)", .ffmpeg("asf"), ["wma", "wmv", "asf"])
    static let wavPack = Self("WavPack audio", .ffmpeg("wv"), ["wv"])
    static let amr = Self("AMR audio", .ffmpeg("amr"), ["amr", "awb"])
    static let aac = Self("AAC audio (ADTS)", .ffmpeg("aac"), ["aac", "adts"])
    static let latm = Self("AAC audio (LOAS)", .ffmpeg("loas"), ["loas", "latm"])
    static let ac3 = Self("AC-3 audio", .ffmpeg("ac3"), ["ac3"])
    static let eac3 = Self("E-AC-3 audio", .ffmpeg("eac3"), ["eac3", "ec3"])
    static let dts = Self("DTS audio", .ffmpeg("dts"), ["dts"])
    static let trueHD = Self("TrueHD audio", .ffmpeg("truehd"), ["thd"])
    static let mlp = Self("MLP audio", .ffmpeg("mlp"), ["mlp"])
    static let tta = Self("True Audio (TTA)", .ffmpeg("tta"), ["tta"])
    static let ape = Self("Monkey's Audio (APE)", .ffmpeg("ape"), ["ape"])
    static let tak = Self("TAK audio", .ffmpeg("tak"), ["tak"])
    static let musepack7 = Self("Musepack audio", .ffmpeg("mpc"), ["mpc", "mp+"])
    static let musepack8 = Self("Musepack audio", .ffmpeg("mpc8"))
    static let shorten = Self("Shorten audio", .ffmpeg("shn"), ["shn"])
    static let dsf = Self("DSD audio (DSF)", .ffmpeg("dsf"), ["dsf"])
    static let dsdiff = Self("DSD audio (DSDIFF)", .ffmpeg("iff"), ["dff"])
    static let realMedia = Self("RealMedia", .ffmpeg("rm"), ["ra", "rm", "rmvb"])
    static let atrac = Self("ATRAC audio (OMA)", .ffmpeg("oma"), ["oma", "aa3"])
    static let qcp = Self("QCELP audio", .ffmpeg("qcp"), ["qcp"])
    static let avi = Self("an AVI file", .ffmpeg("avi"), ["avi"])
    static let flv = Self("a Flash Video file", .ffmpeg("flv"), ["flv"])
    static let mxf = Self("an MXF file", .ffmpeg("mxf"), ["mxf"])
    static let nut = Self("a NUT file", .ffmpeg("nut"), ["nut"])
    // .ts is also TypeScript, so a transport stream of that name is read only when it is named.
    static let transportStream = Self("an MPEG transport stream", .ffmpeg("mpegts"), ["m2ts", "mts", "m2t"])
    static let programStream = Self("an MPEG program stream", .ffmpeg("mpeg"), ["mpg", "mpeg", "vob"])
}

// MARK: Not decoded

extension AudioFileKind {
    static let text = Self("text", .none)

    /// A kind of file that is not audio, or not in a form that can be decoded.
    static func other(_ name: String) -> Self { Self(name, .none) }

    /// All kinds that can be decoded.
    static let all: [Self] = [
        wav, w64, aiff, flac, ogg, mpegAudio, mpegLayer2, mpegLayer1, caf, au, voc, nist, ircam, paf, svx,
        pvf, avr,
        codedWAV, speex, oggVideo, otherOgg, m4a, mp4, quickTime, threeGP, matroska, webm, asf, wavPack, amr,
        aac, latm,
        ac3, eac3, dts, trueHD, mlp, tta, ape, tak, musepack7, musepack8, shorten, dsf, dsdiff, realMedia,
        atrac, qcp, avi, flv, mxf, nut, transportStream, programStream,
    ]
}

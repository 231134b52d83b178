/// `channel: each`, or `each:N`: every channel of a source is a stream of its own.
struct EachChannel: Equatable {
    /// How many channels there are; `nil`: as many as the source says, or two.
    var count: Int?

    init?(_ text: String) {
        if text == "each" { return }
        guard text.hasPrefix("each:"), let number = Int(text.dropFirst(5)),
            (2...SourceSettings.maximumCount).contains(number)
        else { return nil }
        count = number
    }

    /// How many channels a source with this text has.
    func count(of source: String) -> Int { count ?? Self.statedChannels(of: source) ?? 2 }

    /// The channels in the format of a pipe: `pipe:PATH?rate=48000&channels=4`.
    static func statedChannels(of source: String) -> Int? {
        guard source.hasPrefix("pipe:"), let mark = source.lastIndex(of: "?") else { return nil }
        let fields = source[mark...].dropFirst().split(separator: "&")
        return fields.lazy.compactMap { $0.hasPrefix("channels=") ? Int($0.dropFirst(9)) : nil }.first
    }

    /// Why a source cannot have a stream for each channel; `nil` if it can.
    func problem(of source: String) -> String? {
        if source.hasPrefix("file:") || source.hasPrefix("stdin") {
            return
                "each applies to live sources, and \(source.prefix { $0 != ":" }) is a recording; classify "
                + "it with `astd classify --channel each`"
        }
        guard let stated = Self.statedChannels(of: source) else { return nil }
        if stated < 2 { return "each needs several channels, and the source has 1; expected mix" }
        guard let count, count > stated else { return nil }
        return "each:\(count) needs \(count) channels, and the source has \(stated); expected each"
    }
}

/// One stream of a daemon: a source, or one channel of a source with `channel: each`.
public struct StreamSettings: Equatable, Sendable {
    /// Which channel of a source a stream is.
    public struct Channel: Equatable, Sendable {
        /// The source's name; `nil` for a single source without a name.
        public var source: String?
        /// Counted from 1.
        public var number: Int
        /// How many channels of the source are streams.
        public var count: Int

        /// `left` and `right` of two, otherwise the number.
        var name: String { count == 2 ? ["left", "right"][number - 1] : "\(number)" }
    }

    /// `garden`, `garden/left`, or `left` for a channel of a source without a name; `nil` for a single source
    /// without a name.
    public var name: String?
    /// All of its settings, also those that it shares with others.
    public var settings: DaemonSettings
    /// `nil` unless the source has `channel: each`.
    public var channel: Channel?

    /// Whether the stream has to start again to become another one.
    public func startsAgain(for other: StreamSettings) -> Bool {
        settings.streamSettings != other.settings.streamSettings || channel != other.channel
    }
}

extension DaemonSettings {
    /// What the daemon captures, in the order of the settings.
    public var streams: [StreamSettings] {
        let all: [(String?, DaemonSettings)] =
            sources.isEmpty ? [(nil, self)] : sources.map { ($0.name, settings(of: $0)) }
        return all.flatMap { name, settings -> [StreamSettings] in
            guard let each = EachChannel(settings.channel) else {
                return [StreamSettings(name: name, settings: settings)]
            }
            let count = each.count(of: settings.source)
            return (1...max(1, count)).map { number in
                let channel = StreamSettings.Channel(source: name, number: number, count: count)
                var settings = settings
                settings.channel = "\(number)"
                let stream = name.map { "\($0)/\(channel.name)" } ?? channel.name
                return StreamSettings(name: stream, settings: settings, channel: channel)
            }
        }
    }
}

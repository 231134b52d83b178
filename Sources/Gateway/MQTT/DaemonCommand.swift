internal import Logging

/// A command to a daemon that arrived over MQTT.
enum DaemonCommand: Equatable, Sendable {
    case pause(Bool)
    /// `base`, or the name of an adapter.
    case adapter(String)

    /// Why a message is not carried out; for the log.
    struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        let description: String
    }

    /// A longer payload is not read.
    static let maximumBytes = 256

    /// Reads the payload of `pause/set`.
    ///
    /// - Throws: ``Refusal``
    static func pause(payload: [UInt8]) throws(Refusal) -> DaemonCommand {
        switch String(decoding: payload, as: UTF8.self) {
        case "ON": .pause(true)
        case "OFF": .pause(false)
        default: throw Refusal(description: "expected ON or OFF, found \(shown(payload))")
        }
    }

    /// Reads the payload of `adapter/set`. Whether such an adapter is loaded is the daemon's decision.
    ///
    /// - Throws: ``Refusal``
    static func adapter(payload: [UInt8]) throws(Refusal) -> DaemonCommand {
        let name = String(decoding: payload, as: UTF8.self)
        let isText = Array(name.utf8) == payload && !name.unicodeScalars.contains { $0.properties.isControl }
        guard !payload.isEmpty, payload.count <= maximumBytes, isText else {
            throw Refusal(
                description: "expected the name of an adapter, at most \(maximumBytes) bytes, "
                    + "found \(shown(payload))")
        }
        return .adapter(name)
    }

    /// A payload as one line of printable ASCII.
    private static func shown(_ payload: [UInt8]) -> String {
        let text = payload.prefix(40).map { byte in
            (0x20...0x7E).contains(byte) ? String(UnicodeScalar(byte)) : "?"
        }
        return "'\(text.joined())\(payload.count > 40 ? "…" : "")'"
    }

    /// What was done, for the log.
    var text: String {
        switch self {
        case .pause(true): "pause"
        case .pause(false): "resume"
        case .adapter(let name): "use adapter \(name)"
        }
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isControl: Bool {
        [.control, .lineSeparator, .paragraphSeparator, .format].contains(generalCategory)
    }
}

/// The topics of commands, and what their messages mean.
struct CommandTopics: Sendable {
    private enum Kind { case pause, adapter }

    private let kinds: [String: (daemon: String, kind: Kind)]

    init(_ topics: TopicNames, daemons: [String]) {
        kinds = Dictionary(
            uniqueKeysWithValues: daemons.flatMap { daemon in
                [
                    (topics.pauseCommand(of: daemon), (daemon, Kind.pause)),
                    (topics.adapterCommand(of: daemon), (daemon, .adapter)),
                ]
            })
    }

    /// Those to subscribe to.
    var all: [String] { kinds.keys.sorted() }

    /// The command of a message, and its daemon.
    ///
    /// - Throws: ``DaemonCommand/Refusal``. A retained message is refused: the broker repeats it at each
    ///   connection, and it may be years old.
    func command(
        _ message: MQTTClient.Received
    ) throws(DaemonCommand.Refusal) -> (daemon: String, DaemonCommand) {
        guard let (daemon, kind) = kinds[message.topic] else {
            throw DaemonCommand.Refusal(description: "not a topic of commands")
        }
        if message.isRetained { throw DaemonCommand.Refusal(description: "the message is retained") }
        return switch kind {
        case .pause: (daemon, try .pause(payload: message.payload))
        case .adapter: (daemon, try .adapter(payload: message.payload))
        }
    }
}

/// Logs messages that are not carried out: at most one line in ten seconds, which counts the others.
struct RefusalLog {
    let logger: Logger
    private var last: ContinuousClock.Instant?
    private var omitted = 0

    init(logger: Logger) { self.logger = logger }

    mutating func add(_ topic: String, reason: String, now: ContinuousClock.Instant = .now) {
        if let last, now - last < .seconds(10) { return omitted += 1 }
        var metadata: Logger.Metadata = ["topic": "\(topic)", "reason": "\(reason)"]
        if omitted > 0 { metadata["more"] = "\(omitted)" }
        logger.warning("refused a command of the broker", metadata: metadata)
        (last, omitted) = (now, 0)
    }
}

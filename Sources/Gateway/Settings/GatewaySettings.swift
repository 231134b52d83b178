private import Glibc

/// The settings of `astd-gateway`, with their defaults. ``GatewaySettingTable`` has their names.
public struct GatewaySettings: Equatable, Sendable {
    /// A daemon whose records are received.
    public struct Daemon: Equatable, Sendable {
        /// In events, topics and `--daemon`.
        public var name: String
        /// The directory with `astd.sock`.
        public var runtimeDirectory: String

        var controlSocket: String { runtimeDirectory + "/astd.sock" }
    }

    /// The database of events.
    public struct History: Equatable, Sendable {
        /// The database's file; nil: no history.
        public var path: String?
        /// Age in days at which events are deleted.
        public var days = 90
        /// Size of the database at which the oldest events are deleted.
        public var megabytes = 500
        /// Labels of each minute whose scores are kept; 0: none.
        public var minuteLabels = 10
        /// Folders with the daemons' clips.
        public var clips: [String] = []
    }

    /// The broker to publish to.
    public struct MQTT: Equatable, Sendable {
        /// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`; nil: none.
        public var url: String?
        /// `3.1.1` or `5`.
        public var protocolVersion = "3.1.1"
        public var user: String?
        /// A file with the password.
        public var passwordFile: String?
        /// Certificates that sign the broker's; nil: the system's.
        public var caFile: String?
        public var certificateFile: String?
        public var keyFile: String?
        public var clientID: String?
        /// Labels with a state and a score.
        public var labels: [String] = []
        /// Whether Home Assistant finds the entities by itself.
        public var discovery = false
        public var discoveryPrefix = "homeassistant"
        /// Whether clients of the broker may pause the daemons and choose adapters.
        public var commands = false
    }

    /// The page and its API.
    public struct HTTP: Equatable, Sendable {
        /// `127.0.0.1:8717`: the address and port to listen on; nil: neither page nor API.
        public var listen: String?
        /// Whether the page may pause the daemons and choose adapters.
        public var control = false
        /// A file with the token that clients must send; nil: every client of ``listen`` is served.
        public var tokenFile: String?
        /// Host names by which the page is opened, in addition to addresses and the machine's own name.
        public var hosts: [String] = []
    }

    /// The name of this gateway; default: the host's name.
    public var node: String
    /// At least one.
    public var daemons = [Daemon(name: "astd", runtimeDirectory: "/run/astd")]
    public var history = History()
    public var mqtt = MQTT()
    public var http = HTTP()
    /// In the order of the file; their names differ.
    public var notify: [NotifyRule] = []

    public init() { node = Self.hostName }

    /// The host's name without its domain.
    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "astd" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(name.prefix { $0 != "." })
    }
}

private import Glibc
public import Settings

/// A rule of `notify`: which events it is about, and what it does with them.
public struct NotifyRule: Equatable, Sendable {
    /// In messages, `ASTD_RULE` and the history.
    public var name: String
    /// Labels or groups, or patterns of them: `*`, `?`, `[...]`.
    public var labels: [String]
    /// Names of daemons; empty: all.
    public var daemons: [String] = []
    /// Lowest peak score.
    public var minScore: Float = 0
    /// In seconds.
    public var minDuration = 0.0
    /// Seconds after a notification in which the same label causes no other.
    public var cooldown = 0.0
    /// Whether only the first event of a label on a day (local time) counts.
    public var isFirstOfDay = false
    /// Local time in which nothing is sent.
    public var quietHours: [QuietHours] = []
    /// Templates with placeholders such as `{label}`.
    public var title = "{label}"
    public var message = "{label} in {daemon} at {time}"
    public var action: Action

    public enum Action: Equatable, Sendable {
        /// The program and its arguments.
        case command([String], limitSeconds: Double)
        case webhook(Webhook)
    }

    /// An HTTP request.
    public struct Webhook: Equatable, Sendable {
        /// What is posted.
        public enum Format: String, CaseIterable, Sendable {
            /// The event.
            case json
            /// ntfy's JSON; the topic is the last part of the URL's path.
            case ntfy
            /// `{"text": ...}`, which Mattermost and Rocket.Chat accept, too.
            case slack
            /// Title and message, for `/api/services/notify/NAME`.
            case homeAssistant = "home_assistant"
        }

        public struct Header: Equatable, Sendable {
            public var name: String
            public var value: String
        }

        /// `http://` or `https://`; nil: in ``urlFile``.
        public var url: String?
        /// A file whose first line is the URL.
        public var urlFile: String?
        /// A file whose first line is sent as a bearer token.
        public var tokenFile: String?
        /// Certificates that may sign the server's; nil: the system's.
        public var caFile: String?
        public var format = Format.json
        /// A template in place of ``format``: JSON, or any text if ``headers`` have a `Content-Type`.
        public var body: String?
        public var headers: [Header] = []
        public var timeoutSeconds = 10.0
    }

    public init(name: String, labels: [String], action: Action) {
        (self.name, self.labels, self.action) = (name, labels, action)
    }

    /// Whether the rule is about events of a label.
    func admits(label: String, daemon: String) -> Bool {
        (daemons.isEmpty || daemons.contains(daemon))
            && labels.contains { $0 == label || fnmatch($0, label, 0) == 0 }
    }
}

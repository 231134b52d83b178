private import Glibc

/// Environment variables. A variable that is empty counts as unset.
public struct Environment: Sendable {
    private let variables: [String: String]

    public init(_ variables: [String: String]) { self.variables = variables.filter { !$0.value.isEmpty } }

    /// The variables of this process, as they are now.
    public static var process: Environment {
        var variables: [String: String] = [:]
        // SAFETY: libc's own array, which ends with nil; astd never changes its environment.
        var next = environ
        while let entry = next.pointee {
            let parts = PathText.text(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return Environment(variables)
    }

    public var all: [String: String] { variables }

    public subscript(_ name: String) -> String? { variables[name] }

    /// An absolute path; `nil` for a relative one, which the XDG specification says to ignore.
    func absolutePath(_ name: String) -> String? { self[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }

    /// The first of the directories that systemd joins with colons.
    func systemdDirectory(_ name: String) -> String? {
        self[name]?.split(separator: ":").first.map(String.init)
    }
}

/// The files and directories that astd looks up. Each look-up has the same order: the value that the user
/// named, the `ASTD_` variable, the service manager's or session's variable, the standard places.
public struct StandardPaths: Sendable {
    private let environment: Environment
    private let exists: @Sendable (String) -> Bool

    /// - Parameter exists: Replaces the file system in tests.
    public init(
        environment: Environment = .process,
        exists: @escaping @Sendable (String) -> Bool = Self.fileExists
    ) {
        self.environment = environment
        self.exists = exists
    }

    /// Whether there is a file at `path`.
    public static func fileExists(_ path: String) -> Bool { access(path.systemPath, F_OK) == 0 }

    public static let settingsFile = "/etc/astd/astd.yaml"
    public static let adaptersDirectory = "/var/lib/astd/adapters"
    /// Where administrators, members of the group and packages install models.
    private static let systemModels = ["/var/lib/astd/models", "/usr/share/astd/models"]
    /// Beside the working directory, then where administrators and packages install models.
    public static let models = [
        "models/default", "/var/lib/astd/models/default", "/usr/share/astd/models/default",
    ]

    /// A path, and the variable or the standard place that it comes from.
    public struct Place: Equatable, Sendable {
        public let path: String
        public let origin: String

        public init(path: String, origin: String) {
            self.path = path
            self.origin = origin
        }
    }

    /// `$ASTD_MODEL`, else the first of ``models`` with a `config.json`; `nil` when there is none.
    public var modelPlace: Place? {
        place("$ASTD_MODEL", environment["ASTD_MODEL"])
            ?? place(
                "the first standard place that has a model",
                Self.models.first { exists($0 + "/config.json") })
    }

    /// `$ASTD_ADAPTERS_DIR`, else ``adaptersDirectory`` if it exists.
    public var adaptersPlace: Place? {
        place("$ASTD_ADAPTERS_DIR", environment["ASTD_ADAPTERS_DIR"])
            ?? place("the standard place", exists(Self.adaptersDirectory) ? Self.adaptersDirectory : nil)
    }

    /// Directory of packed weights: `$ASTD_CACHE_DIR`, systemd's `$CACHE_DIRECTORY`, else `astd` in
    /// `$XDG_CACHE_HOME` or `~/.cache`; `nil` without any of them.
    public var cachePlace: Place? {
        place("$ASTD_CACHE_DIR", environment["ASTD_CACHE_DIR"])
            ?? place("$CACHE_DIRECTORY", environment.systemdDirectory("CACHE_DIRECTORY"))
            ?? place("$XDG_CACHE_HOME", environment.absolutePath("XDG_CACHE_HOME").map { $0 + "/astd" })
            ?? place("$HOME", environment.absolutePath("HOME").map { $0 + "/.cache/astd" })
    }

    /// Directory of what a restart must not change, such as a pause: `$ASTD_STATE_DIR`, systemd's
    /// `$STATE_DIRECTORY`, else `astd` in `$XDG_STATE_HOME` or `~/.local/state`; `nil` without any of them.
    public var statePlace: Place? {
        place("$ASTD_STATE_DIR", environment["ASTD_STATE_DIR"])
            ?? place("$STATE_DIRECTORY", environment.systemdDirectory("STATE_DIRECTORY"))
            ?? place("$XDG_STATE_HOME", environment.absolutePath("XDG_STATE_HOME").map { $0 + "/astd" })
            ?? place("$HOME", environment.absolutePath("HOME").map { $0 + "/.local/state/astd" })
    }

    /// Directory of both sockets: `$ASTD_RUNTIME_DIR`, systemd's `$RUNTIME_DIRECTORY`,
    /// `$XDG_RUNTIME_DIR/astd`, else `/run/astd`.
    public var runtimePlace: Place {
        place("$ASTD_RUNTIME_DIR", environment["ASTD_RUNTIME_DIR"])
            ?? place("$RUNTIME_DIRECTORY", environment.systemdDirectory("RUNTIME_DIRECTORY"))
            ?? place("$XDG_RUNTIME_DIR", environment["XDG_RUNTIME_DIR"].map { $0 + "/astd" })
            ?? Place(path: "/run/astd", origin: "the standard place")
    }

    private func place(_ origin: String, _ path: String?) -> Place? {
        path.map { Place(path: $0, origin: origin) }
    }

    /// Directories in which models and adapters have names, in the order in which they are searched:
    /// `$ASTD_MODELS_DIR`, `astd/models` in `$XDG_DATA_HOME` or `~/.local/share`, then those of the system.
    public var modelDirectories: [String] {
        let own =
            environment["ASTD_MODELS_DIR"] ?? environment.absolutePath("XDG_DATA_HOME").map {
                $0 + "/astd/models"
            }
            ?? environment.absolutePath("HOME").map { $0 + "/.local/share/astd/models" }
        return (own.map { [$0] } ?? []) + Self.systemModels
    }

    /// Where `astd pull` places what it downloads: `$ASTD_MODELS_DIR`, else the system's directory for a
    /// member of the group who may write there, else the user's own; `nil` without any of them.
    ///
    /// - Parameter isWritable: Replaces the file system in tests.
    public func pullDirectory(isWritable: (String) -> Bool = Self.isWritable) -> String? {
        if let own = environment["ASTD_MODELS_DIR"] { return own }
        let shared = Self.systemModels[0]
        if isWritable(shared) { return shared }
        return modelDirectories.first { !Self.systemModels.contains($0) }
    }

    /// Whether this process may create files in a directory.
    public static func isWritable(_ path: String) -> Bool { access(path.systemPath, W_OK | X_OK) == 0 }

    /// A model or adapter by its path or its name: what exists at the path, else the first of
    /// ``modelDirectories`` that has the name; the path itself when there is none.
    private func found(_ named: String, in directories: [String]) -> String {
        guard !named.isEmpty, !named.contains("/"), ![".", ".."].contains(named), !exists(named) else {
            return named
        }
        return directories.map { "\($0)/\(named)" }.first(where: exists) ?? named
    }

    /// The model of that name or path; without one, the path of ``modelPlace``.
    public func model(named: String?) -> String? {
        (named ?? modelPlace?.path).map { found($0, in: modelDirectories) }
    }

    /// The adapter of that name or path.
    public func adapter(named: String) -> String {
        found(named, in: (adaptersPlace.map { [$0.path] } ?? []) + modelDirectories)
    }

    /// `named`, else the path of ``adaptersPlace``.
    public func adapters(named: String?) -> String? { named ?? adaptersPlace?.path }

    /// `named`, else the path of ``cachePlace``.
    public func cache(named: String?) -> String? { named ?? cachePlace?.path }

    /// `named`, else the path of ``statePlace``.
    public func state(named: String?) -> String? { named ?? statePlace?.path }

    /// `named`, else the path of ``runtimePlace``.
    public func runtimeDirectory(named: String?) -> String { named ?? runtimePlace.path }

    /// Where a client finds `astd.sock`, in the order to try: `named`, `$ASTD_SOCKET` or the one in
    /// `$ASTD_RUNTIME_DIR` alone, else `$XDG_RUNTIME_DIR/astd/astd.sock` and `/run/astd/astd.sock`.
    public func controlSockets(named: String?) -> [String] {
        if let named = named ?? environment["ASTD_SOCKET"] { return [named] }
        if let directory = environment["ASTD_RUNTIME_DIR"] { return [directory + "/astd.sock"] }
        let session = environment["XDG_RUNTIME_DIR"].map { $0 + "/astd/astd.sock" }
        return (session.map { [$0] } ?? []) + ["/run/astd/astd.sock"]
    }

    /// The file of settings: `named`, `$ASTD_CONFIG`, else ``settingsFile`` if it exists and
    /// `readsStandardFile`.
    public func settings(named: String?, readsStandardFile: Bool) -> String? {
        named ?? environment["ASTD_CONFIG"]
            ?? (readsStandardFile && exists(Self.settingsFile) ? Self.settingsFile : nil)
    }
}

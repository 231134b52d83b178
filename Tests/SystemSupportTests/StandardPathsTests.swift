import Glibc
import SystemSupport
import Testing

@Suite struct StandardPathsTests {
    private func paths(_ variables: [String: String], existing: Set<String> = []) -> StandardPaths {
        StandardPaths(environment: Environment(variables), exists: { existing.contains($0) })
    }

    /// Removes the strongest variable after each look-up, so that the next one decides.
    private func order(
        _ variables: KeyValuePairs<String, String>, existing: Set<String> = [],
        _ find: (StandardPaths) -> String?
    ) -> [String?] {
        (0...variables.count).map { removed in
            let left = variables.dropFirst(removed).map { ($0.key, $0.value) }
            return find(paths(Dictionary(uniqueKeysWithValues: left), existing: existing))
        }
    }

    @Test func `The runtime directory follows its documented order`() {
        let variables: KeyValuePairs = [
            "ASTD_RUNTIME_DIR": "/own", "RUNTIME_DIRECTORY": "/first:/second", "XDG_RUNTIME_DIR": "/session",
        ]
        #expect(
            order(variables) { $0.runtimeDirectory(named: nil) }
                == ["/own", "/first", "/session/astd", "/run/astd"])
        #expect(paths(["ASTD_RUNTIME_DIR": "/own"]).runtimeDirectory(named: "named") == "named")
    }

    @Test func `The cache follows its documented order`() {
        let variables: KeyValuePairs = [
            "ASTD_CACHE_DIR": "own", "CACHE_DIRECTORY": "/first:/second", "XDG_CACHE_HOME": "/cache",
            "HOME": "/home/me",
        ]
        #expect(
            order(variables) { $0.cache(named: nil) }
                == ["own", "/first", "/cache/astd", "/home/me/.cache/astd", nil])
        #expect(paths(["XDG_CACHE_HOME": "relative", "HOME": "/h"]).cache(named: nil) == "/h/.cache/astd")
        #expect(paths(["ASTD_CACHE_DIR": "/own"]).cache(named: "named") == "named")
    }

    @Test func `The state directory follows its documented order`() {
        let variables: KeyValuePairs = [
            "ASTD_STATE_DIR": "own", "STATE_DIRECTORY": "/first:/second", "XDG_STATE_HOME": "/state",
            "HOME": "/home/me",
        ]
        #expect(
            order(variables) { $0.state(named: nil) }
                == ["own", "/first", "/state/astd", "/home/me/.local/state/astd", nil])
        #expect(
            paths(["XDG_STATE_HOME": "relative", "HOME": "/h"]).state(named: nil) == "/h/.local/state/astd")
        #expect(paths(["ASTD_STATE_DIR": "/own"]).state(named: "named") == "named")
    }

    @Test func `The model is the first place with a configuration`() {
        let places = StandardPaths.models
        for (index, place) in places.enumerated() {
            let existing = Set(places[index...].map { $0 + "/config.json" })
            #expect(paths([:], existing: existing).model(named: nil) == place)
        }
        #expect(paths([:]).model(named: nil) == nil)
        #expect(paths(["ASTD_MODEL": "/own"]).model(named: nil) == "/own")
        #expect(paths(["ASTD_MODEL": "/own"]).model(named: "named") == "named")
    }

    @Test func `A name of a model is looked up in the documented directories, a path is not`() {
        let variables: KeyValuePairs = [
            "ASTD_MODELS_DIR": "/own", "XDG_DATA_HOME": "/data", "HOME": "/home/me",
        ]
        let user = ["/own", "/data/astd/models", "/home/me/.local/share/astd/models"]
        let system = ["/var/lib/astd/models", "/usr/share/astd/models"]
        let existing = Set((user + system).map { $0 + "/bird" })
        #expect(
            order(variables, existing: existing) { $0.model(named: "bird") }
                == (user + system.prefix(1)).map { $0 + "/bird" })
        #expect(paths([:], existing: [system[1] + "/bird"]).model(named: "bird") == system[1] + "/bird")
        #expect(
            paths(["ASTD_MODEL": "bird", "HOME": "/h"], existing: existing).model(named: nil)
                == "/var/lib/astd/models/bird")
        #expect(paths([:], existing: ["bird", system[0] + "/bird"]).model(named: "bird") == "bird")
        #expect(paths([:], existing: existing).model(named: "./bird") == "./bird")
        #expect(paths([:], existing: existing).model(named: "..") == "..")
        #expect(paths([:]).model(named: "bird") == "bird", "the error names what the user wrote")
        #expect(
            paths([:], existing: [StandardPaths.adaptersDirectory, "/var/lib/astd/adapters/bird"])
                .adapter(named: "bird") == "/var/lib/astd/adapters/bird")
        #expect(paths([:], existing: existing).adapter(named: "bird") == "/var/lib/astd/models/bird")
    }

    @Test func `Downloads go to the directory of the group, if it can be written, else to the user's`() {
        let own = paths(["ASTD_MODELS_DIR": "/own", "HOME": "/home/me"])
        #expect(own.pullDirectory { _ in true } == "/own")
        let user = paths(["HOME": "/home/me"])
        #expect(user.pullDirectory { $0 == "/var/lib/astd/models" } == "/var/lib/astd/models")
        #expect(user.pullDirectory { _ in false } == "/home/me/.local/share/astd/models")
        #expect(paths([:]).pullDirectory { _ in false } == nil)
    }

    @Test func `The adapters are in the standard directory only if it exists`() {
        #expect(paths([:]).adapters(named: nil) == nil)
        #expect(
            paths([:], existing: [StandardPaths.adaptersDirectory]).adapters(named: nil)
                == "/var/lib/astd/adapters")
        #expect(paths(["ASTD_ADAPTERS_DIR": "/own"]).adapters(named: nil) == "/own")
        #expect(paths(["ASTD_ADAPTERS_DIR": "/own"]).adapters(named: "named") == "named")
    }

    @Test
    func `A client tries the session's socket before the system's, and only a named one if there is one`() {
        let session = paths(["XDG_RUNTIME_DIR": "/session"])
        #expect(
            session.controlSockets(named: nil) == ["/session/astd/astd.sock", "/run/astd/astd.sock"])
        #expect(paths([:]).controlSockets(named: nil) == ["/run/astd/astd.sock"])
        let own = paths(["ASTD_SOCKET": "/own", "XDG_RUNTIME_DIR": "/session"])
        #expect(own.controlSockets(named: nil) == ["/own"])
        #expect(own.controlSockets(named: "named") == ["named"])
    }

    @Test func `The file of settings is the standard one only for programs that read it`() {
        let existing: Set<String> = [StandardPaths.settingsFile]
        let standard = paths([:], existing: existing)
        #expect(standard.settings(named: nil, readsStandardFile: true) == "/etc/astd/astd.yaml")
        #expect(standard.settings(named: nil, readsStandardFile: false) == nil)
        #expect(paths([:]).settings(named: nil, readsStandardFile: true) == nil)
        let own = paths(["ASTD_CONFIG": "/own"], existing: existing)
        #expect(own.settings(named: nil, readsStandardFile: true) == "/own")
        #expect(own.settings(named: "named", readsStandardFile: true) == "named")
    }

    @Test func `An empty variable counts as unset`() {
        let empty = paths([
            "ASTD_RUNTIME_DIR": "", "RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": "", "ASTD_SOCKET": "",
            "ASTD_MODEL": "", "ASTD_CONFIG": "",
        ])
        #expect(empty.runtimeDirectory(named: nil) == "/run/astd")
        #expect(empty.controlSockets(named: nil) == ["/run/astd/astd.sock"])
        #expect(empty.model(named: nil) == nil)
        #expect(empty.settings(named: nil, readsStandardFile: true) == nil)
    }

    @Test func `The environment of the process is read`() {
        setenv("ASTD_PATHS_TEST", "a=b", 1)
        defer { unsetenv("ASTD_PATHS_TEST") }
        #expect(Environment.process["ASTD_PATHS_TEST"] == "a=b")
    }
}

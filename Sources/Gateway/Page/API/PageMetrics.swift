private import TextSupport
internal import Wire

/// What `/metrics` says about the gateway, in the text format of Prometheus.
struct PageMetrics {
    private(set) var text = ""

    /// A metric with its values; the name begins with `astd_gateway_`.
    mutating func add(
        _ name: String, _ type: String, _ help: String,
        _ values: [(labels: [(String, String)], value: String)]
    ) {
        if values.isEmpty { return }
        text += "# HELP astd_gateway_\(name) \(help)\n# TYPE astd_gateway_\(name) \(type)\n"
        for (labels, value) in values {
            let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
            text += "astd_gateway_\(name)\(list.isEmpty ? "" : "{\(list)}") \(value)\n"
        }
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// The state of the daemons.
    mutating func add(_ daemons: [DaemonView]) {
        add(
            "daemon_connected", "gauge", "Whether the daemon is connected.",
            daemons.map { ([("daemon", $0.name)], $0.isConnected ? "1" : "0") })
        add(
            "records_total", "counter", "Records received from the daemon.",
            daemons.flatMap { daemon in
                daemon.records.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, count in
                    ([("daemon", daemon.name), ("type", kind.rawValue)], "\(count)")
                }
            })
        add(
            "events_in_progress", "gauge", "Events in progress.",
            daemons.map { ([("daemon", $0.name)], "\($0.openCount)") })
        add(
            "last_prediction_timestamp_seconds", "gauge", "End of the newest window, seconds since 1970.",
            daemons.compactMap { daemon in
                guard let time = daemon.lastTime,
                    let text = FixedDecimals.text(Double(time.unixNanos) / 1e9, decimals: 3)
                else { return nil }
                return ([("daemon", daemon.name)], text)
            })
    }
}

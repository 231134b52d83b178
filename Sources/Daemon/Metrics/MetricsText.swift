internal import Wire

/// A daemon's numbers in the text format that Prometheus reads (version 0.0.4).
struct MetricsText {
    private(set) var text = ""

    static let contentType = "text/plain; version=0.0.4"

    init(
        _ status: StatusReport, latency: LatencyHistogram, events: UInt64, reconnects: UInt64,
        omittedClips: UInt64, isMuted: Bool
    ) {
        let model = [
            ("version", status.version), ("model", status.model.name), ("precision", status.precision),
        ]
        gauge("astd_info", "What runs, in its labels.", 1, model)
        family("astd_adapter_active", "gauge", "The adapters that classify; base is the model itself.")
        for adapter in status.adapters { sample("astd_adapter_active", "1", [("adapter", adapter)]) }
        gauge("astd_uptime_seconds", "Since the start.", status.uptimeSeconds)
        gauge("astd_hop_seconds", "From one window to the next.", status.hopSeconds)
        counter("astd_windows_total", "Windows answered.", status.windows)
        counter("astd_windows_skipped_total", "Windows left out: too slow a machine.", status.skippedWindows)
        counter(
            "astd_windows_gated_total", "Windows too quiet to be classified; among all.", status.gatedWindows)
        histogram(
            "astd_latency_seconds", "From the capture of a window's last sample to its record.", latency)
        gauge("astd_forward_pass_seconds", "The last forward pass.", (status.lastWindowMs ?? .nan) / 1000)
        counter("astd_events_total", "Events that began.", events)
        counter("astd_clips_omitted_total", "Clips of events that could not be kept.", omittedClips)
        counter("astd_overrun_samples_total", "Samples the buffer had no room for.", status.overrunSamples)
        counter("astd_lost_samples_total", "Samples the source did not deliver.", status.lostSamples)
        counter("astd_paused_samples_total", "Samples nobody was to listen to.", status.pausedSamples)
        gauge("astd_source_healthy", "Whether samples arrive.", status.source.state == .healthy ? 1 : 0)
        gauge("astd_source_paused", "Whether nobody is to listen.", status.source.state == .paused ? 1 : 0)
        gauge("astd_source_muted", "Whether there has been digital silence for long.", isMuted ? 1 : 0)
        counter("astd_source_reconnects_total", "Times the source was lost and found.", reconnects)
        gauge("astd_clients", "Clients of both sockets.", Double(status.clients))
        counter("astd_lost_records_total", "Records that slow clients missed.", status.lostRecords)
        gauge(
            "astd_memory_resident_bytes", "Memory, the mapped model included.", Double(status.memory.rssBytes)
        )
        gauge(
            "astd_memory_anonymous_bytes", "Memory of its own.", Double(status.memory.anonymousBytes))
    }

    private mutating func gauge(
        _ name: String, _ help: String, _ value: Double, _ labels: [(String, String)] = []
    ) {
        family(name, "gauge", help)
        sample(name, Self.number(value), labels)
    }

    private mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        family(name, "counter", help)
        sample(name, "\(value)", [])
    }

    private mutating func histogram(_ name: String, _ help: String, _ histogram: LatencyHistogram) {
        family(name, "histogram", help)
        let bounds = LatencyHistogram.boundsSeconds.map(Self.number) + ["+Inf"]
        let counts = histogram.cumulative
        for (bound, count) in zip(bounds, counts) { sample(name + "_bucket", "\(count)", [("le", bound)]) }
        sample(name + "_sum", Self.number(histogram.sumSeconds), [])
        sample(name + "_count", "\(counts.last ?? 0)", [])
    }

    private mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func sample(_ name: String, _ value: String, _ labels: [(String, String)]) {
        let inner = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += "\(name)\(labels.isEmpty ? "" : "{\(inner)}") \(value)\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

internal import Capture
internal import Wire

/// The daemon's metrics in Prometheus' text format (version 0.0.4).
struct MetricsText {
    private(set) var text = ""

    static let contentType = "text/plain; version=0.0.4"

    private let sources: [SourceMetrics]

    /// - Parameter sources: Their values are labelled with `source`, unless there is one without a name.
    init(_ status: StatusReport, _ sources: [SourceMetrics]) {
        self.sources = sources
        let model = [
            ("version", status.version), ("model", status.model.name), ("precision", status.precision),
        ]
        gauge("astd_info", "Version, model and precision as labels; always 1.", 1, model)
        family("astd_adapter_active", "gauge", "Active adapters; base is the model without an adapter.")
        for adapter in status.adapters { sample("astd_adapter_active", "1", [("adapter", adapter)]) }
        gauge("astd_uptime_seconds", "Time since the daemon started.", status.uptimeSeconds)
        gauges(
            "astd_hop_seconds", "Distance from the start of one window to the start of the next.",
            \.hopSeconds)
        counters("astd_windows_total", "Windows reported, including gated ones.", \.counters.windows)
        counters(
            "astd_windows_skipped_total", "Windows skipped because inference fell behind.",
            \.counters.skippedWindows)
        counters(
            "astd_windows_gated_total", "Windows reported without inference because they were too quiet.",
            \.counters.gatedWindows)
        histograms(
            "astd_latency_seconds", "Time from the capture of a window's last sample to its record.",
            \.latency)
        gauge(
            "astd_forward_pass_seconds", "Duration of the last forward pass.",
            (status.lastWindowMs ?? .nan) / 1000)
        counters("astd_events_total", "Events begun.", \.events)
        counters("astd_clips_omitted_total", "Clips of events that could not be saved.", \.omittedClips)
        counters(
            "astd_overrun_samples_total", "Samples dropped because the capture buffer was full.",
            \.counters.overrunSamples)
        counters(
            "astd_lost_samples_total", "Samples that the source did not deliver.", \.counters.lostSamples)
        counters("astd_paused_samples_total", "Samples skipped while paused.", \.counters.pausedSamples)
        counters(
            "astd_invalid_samples_total", "NaN or infinite samples replaced by silence.",
            \.counters.invalidSamples)
        counters(
            "astd_clipped_samples_total", "Samples at full scale, where the input cuts off.",
            \.counters.clippedSamples)
        gauges(
            "astd_level_dbfs",
            "Level of the samples that are new in the last window, relative to full scale; NaN without sound."
        ) { $0.state == .healthy ? $0.levelDBFS ?? .nan : .nan }
        gauges("astd_source_healthy", "1 while the source delivers samples.") { $0.state == .healthy ? 1 : 0 }
        gauges("astd_source_paused", "1 while capture is paused.") { $0.state == .paused ? 1 : 0 }
        gauges("astd_source_muted", "1 while the source has delivered only digital silence for long.") {
            $0.condition.isMuted ? 1 : 0
        }
        states()
        faults()
        gauges("astd_source_gated", "1 while the last window stayed below the gate.") {
            $0.condition.isGated ? 1 : 0
        }
        gauges("astd_overloaded", "1 while windows are skipped because inference is too slow for the hop.") {
            $0.condition.overload == nil ? 0 : 1
        }
        counters("astd_source_reconnects_total", "Times the source was lost and recovered.", \.reconnects)
        gauge("astd_clients", "Clients connected to both sockets.", Double(status.clients))
        counter(
            "astd_lost_records_total", "Records lost because a client read too slowly.", status.lostRecords)
        gauge(
            "astd_memory_resident_bytes", "Resident memory, including the mapped model.",
            Double(status.memory.rssBytes))
        gauge(
            "astd_memory_anonymous_bytes", "Resident memory that no file backs.",
            Double(status.memory.anonymousBytes))
    }

    private mutating func states() {
        family(
            "astd_source_state", "gauge",
            "1 for the state of the source: healthy, lost, recovering, paused or ended; 0 for the others.")
        for source in sources {
            for state in SourceRecord.State.allCases {
                sample(
                    "astd_source_state", source.state == state ? "1" : "0",
                    source.labels + [("state", state.rawValue)])
            }
        }
    }

    private mutating func faults() {
        family(
            "astd_source_fault", "gauge",
            "1 for what is wrong with the sound of the source: muted, dead, cancelling, silent_channel or clipping."
        )
        for source in sources {
            let faults = SourceFault.of(source.condition, source.signal)
            for fault in SourceFault.allCases {
                sample(
                    "astd_source_fault", faults.contains(fault) ? "1" : "0",
                    source.labels + [("fault", fault.rawValue)])
            }
        }
    }

    private mutating func gauges(_ name: String, _ help: String, _ value: (SourceMetrics) -> Double) {
        family(name, "gauge", help)
        for source in sources { sample(name, Self.number(value(source)), source.labels) }
    }

    private mutating func counters(_ name: String, _ help: String, _ value: (SourceMetrics) -> UInt64) {
        family(name, "counter", help)
        for source in sources { sample(name, "\(value(source))", source.labels) }
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

    private mutating func histograms(
        _ name: String, _ help: String, _ histogram: (SourceMetrics) -> LatencyHistogram
    ) {
        family(name, "histogram", help)
        let bounds = LatencyHistogram.boundsSeconds.map(Self.number) + ["+Inf"]
        for source in sources {
            let histogram = histogram(source)
            let counts = histogram.cumulative
            for (bound, count) in zip(bounds, counts) {
                sample(name + "_bucket", "\(count)", source.labels + [("le", bound)])
            }
            sample(name + "_sum", Self.number(histogram.sumSeconds), source.labels)
            sample(name + "_count", "\(counts.last ?? 0)", source.labels)
        }
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
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

/// The values of one source.
struct SourceMetrics {
    /// `nil`: a single source without a name.
    var name: String?
    var state: SourceRecord.State
    var hopSeconds: Double
    var counters: SourceCounters
    var latency = LatencyHistogram()
    var events: UInt64 = 0
    var reconnects: UInt64 = 0
    var omittedClips: UInt64 = 0
    /// Empty unless samples arrive.
    var condition = StreamCondition()
    /// As in ``PipelineCounters``.
    var levelDBFS: Double?
    var signal = SignalCondition()

    fileprivate var labels: [(String, String)] { name.map { [("source", $0)] } ?? [] }
}

/// A histogram of latencies with Prometheus' buckets.
struct LatencyHistogram: Sendable, Equatable {
    /// Upper bounds of the buckets in seconds: from a short window on a fast machine to a hop on a slow one.
    static let boundsSeconds = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    /// Latencies per bucket; the last bucket has no bound.
    private(set) var counts = [UInt64](repeating: 0, count: boundsSeconds.count + 1)
    private(set) var sumSeconds = 0.0

    mutating func add(seconds: Double) {
        counts[Self.boundsSeconds.firstIndex { seconds <= $0 } ?? Self.boundsSeconds.count] += 1
        sumSeconds += seconds
    }

    /// Number of latencies within each bound, and of all.
    var cumulative: [UInt64] {
        var sum: UInt64 = 0
        return counts.map { count in
            sum += count
            return sum
        }
    }
}

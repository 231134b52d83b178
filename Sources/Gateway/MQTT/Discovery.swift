internal import TextSupport
private import Wire

/// The messages by which Home Assistant's MQTT integration creates its entities: retained, one per entity,
/// all of one device.
struct Discovery {
    /// By topic; without those of ``adapterMessage(of:adapters:)``.
    private(set) var messages: [String: String] = [:]
    private let settings: GatewaySettings
    private let topicNames: TopicNames
    private let nodeID: String

    init(_ settings: GatewaySettings) {
        self.settings = settings
        let topics = TopicNames(node: settings.node)
        topicNames = topics
        nodeID = "astd_" + Self.identifier(settings.node)
        let slugs = LabelSlugs(settings.mqtt.labels)
        for daemon in settings.daemons.map(\.name) {
            for label in settings.mqtt.labels {
                guard let slug = slugs[label] else { continue }
                add("binary_sensor", slug, daemon, name: label) { json in
                    json.member("state_topic", topics.label(slug, of: daemon))
                    json.member("payload_on", "ON")
                    json.member("payload_off", "OFF")
                    json.member("device_class", Self.deviceClass(of: label))
                }
            }
            add("sensor", "level", daemon, name: "Level") { json in
                json.member("state_topic", topics.level(of: daemon))
                json.member("unit_of_measurement", "dB")
                json.member("state_class", "measurement")
                json.member("icon", "mdi:volume-high")
            }
            add("sensor", "loudest", daemon, name: "Loudest label") { json in
                json.member("state_topic", topics.loudest(of: daemon))
                json.member("icon", "mdi:ear-hearing")
            }
            guard settings.mqtt.commands else { continue }
            add("switch", "pause", daemon, name: "Pause") { json in
                json.member("state_topic", topics.state(of: daemon))
                json.member("value_template", "{{ 'ON' if value_json.paused else 'OFF' }}")
                json.member("command_topic", topics.pauseCommand(of: daemon))
                json.member("icon", "mdi:microphone-off")
            }
        }
        add("event", "event", nil, name: "Sound") { json in
            json.member("state_topic", topics.event)
            json.member("qos", 1)
            json.member("event_types", strings: ["begin", "end"])
            json.member("value_template", Self.eventTemplate)
            json.member("icon", "mdi:waveform")
        }
    }

    /// The event entity needs the member `event_type`, and keeps the others as attributes.
    private static let eventTemplate =
        "{{ {'event_type': value_json.state, 'label': value_json.label, 'daemon': value_json.daemon, "
        + "'id': value_json.id, 'duration': value_json.duration, "
        + "'peak_score': value_json.peak_score | default(none)} | tojson }}"

    /// The topics of all messages.
    var topics: Set<String> {
        let selects = settings.mqtt.commands ? settings.daemons.map { adapterTopic(of: $0.name) } : []
        return Set(messages.keys).union(selects)
    }

    /// The choice of an adapter.
    ///
    /// - Parameter adapters: Names of those that are loaded.
    /// - Returns: nil without commands.
    func adapterMessage(of daemon: String, adapters: [String]) -> MQTTMessage? {
        guard settings.mqtt.commands else { return nil }
        // Home Assistant accepts states of at most 255 characters.
        let names = adapters.filter { $0.utf8.count <= 255 }.prefix(Self.maximumChoices)
        let payload = payload("adapter", daemon, name: "Adapter") { json in
            json.member("state_topic", topicNames.state(of: daemon))
            json.member("value_template", "{{ value_json.adapter or '\(AdapterRecord.baseName)' }}")
            json.member("command_topic", topicNames.adapterCommand(of: daemon))
            json.member("options", strings: [AdapterRecord.baseName] + names)
            json.member("icon", "mdi:tune")
        }
        return MQTTMessage(topic: adapterTopic(of: daemon), payload: payload)
    }

    private static let maximumChoices = 100

    private func adapterTopic(of daemon: String) -> String {
        topic("select", entity("adapter", daemon, separator: "-"))
    }

    private func topic(_ component: String, _ id: String) -> String {
        "\(settings.mqtt.discoveryPrefix)/\(component)/\(id)/config"
    }

    /// Names are joined by a hyphen where the result must be unique: no part of it has one.
    private func entity(_ id: String, _ daemon: String?, separator: String) -> String {
        ([nodeID, daemon.map(Self.identifier), id].compactMap { $0 }).joined(separator: separator)
    }

    /// - Parameter daemon: nil: of all daemons.
    private mutating func add(
        _ component: String, _ id: String, _ daemon: String?, name: String,
        _ fill: (inout JSONWriter) -> Void
    ) {
        messages[topic(component, entity(id, daemon, separator: "-"))] = payload(
            id, daemon, name: name, fill)
    }

    private func payload(
        _ id: String, _ daemon: String?, name: String, _ fill: (inout JSONWriter) -> Void
    ) -> String {
        let isSeveral = settings.daemons.count > 1
        let text = JSONText { json in
            json.object { json in
                json.member(
                    "name", isSeveral ? [daemon, name].compactMap { $0 }.joined(separator: " ") : name)
                json.member("unique_id", entity(id, daemon, separator: "-"))
                json.member("object_id", entity(id, daemon, separator: "_"))
                fill(&json)
                json.key("availability")
                json.array { json in
                    json.object { $0.member("topic", topicNames.status) }
                    if let daemon {
                        json.object { json in
                            json.member("topic", topicNames.state(of: daemon))
                            json.member(
                                "value_template", "{{ 'online' if value_json.connected else 'offline' }}")
                        }
                    }
                }
                json.member("availability_mode", "all")
                json.key("device")
                json.object { json in
                    json.member("identifiers", strings: [nodeID])
                    json.member("name", "astd \(settings.node)")
                    json.member("manufacturer", "astd")
                    json.member("model", "Audio Spectrogram Transformer")
                    json.member("sw_version", astdVersion)
                }
                json.key("origin")
                json.object { json in
                    json.member("name", "astd-gateway")
                    json.member("sw_version", astdVersion)
                }
            }
        }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    private static func deviceClass(of label: String) -> String {
        let label = label.lowercased()
        let classes = [
            ("carbon monoxide", "carbon_monoxide"), ("smoke", "smoke"), ("fire alarm", "smoke"),
            ("glass", "problem"), ("shatter", "problem"),
        ]
        return classes.first { label.contains($0.0) }?.1 ?? "sound"
    }

    /// A part of an id, unique for each name.
    private static func identifier(_ name: String) -> String {
        LabelSlugs.folded(name) == name ? name : LabelSlugs.hashed(name)
    }
}

internal import TextSupport
private import Wire

/// The messages by which Home Assistant's MQTT integration creates its entities: retained, one per entity,
/// all of one device.
struct Discovery {
    /// By topic.
    private(set) var messages: [String: String] = [:]
    private let settings: GatewaySettings
    private let topics: TopicNames
    private let nodeID: String

    init(_ settings: GatewaySettings) {
        self.settings = settings
        let topics = TopicNames(node: settings.node)
        self.topics = topics
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
            }
            add("sensor", "loudest", daemon, name: "Loudest label") { json in
                json.member("state_topic", topics.loudest(of: daemon))
                json.member("icon", "mdi:ear-hearing")
            }
        }
        add("event", "event", nil, name: "Sound") { json in
            json.member("state_topic", topics.event)
            json.member("event_types", strings: ["begin", "end"])
            json.member("value_template", Self.eventTemplate)
        }
    }

    /// The event entity needs the member `event_type`, and keeps the others as attributes.
    private static let eventTemplate =
        "{{ {'event_type': value_json.state, 'label': value_json.label, 'daemon': value_json.daemon, "
        + "'id': value_json.id, 'duration': value_json.duration, "
        + "'peak_score': value_json.peak_score | default(none)} | tojson }}"

    /// - Parameter daemon: nil: of all daemons.
    private mutating func add(
        _ component: String, _ id: String, _ daemon: String?, name: String,
        _ fill: (inout JSONWriter) -> Void
    ) {
        let isSeveral = settings.daemons.count > 1
        let entity = ([nodeID, daemon.map(Self.identifier), id].compactMap { $0 }).joined(separator: "_")
        let text = JSONText { json in
            json.object { json in
                json.member(
                    "name", isSeveral ? [daemon, name].compactMap { $0 }.joined(separator: " ") : name)
                json.member("unique_id", entity)
                json.member("object_id", entity)
                fill(&json)
                json.key("availability")
                json.array { json in
                    json.object { $0.member("topic", topics.status) }
                    if let daemon {
                        json.object { json in
                            json.member("topic", topics.state(of: daemon))
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
            }
        }
        let prefix = settings.mqtt.discoveryPrefix
        messages["\(prefix)/\(component)/\(entity)/config"] = String(decoding: text.bytes, as: UTF8.self)
    }

    private static func deviceClass(of label: String) -> String {
        let label = label.lowercased()
        return label.contains("smoke") ? "smoke" : label.contains("glass") ? "problem" : "sound"
    }

    /// A part of an id, unique for each name.
    private static func identifier(_ name: String) -> String {
        LabelSlugs.folded(name) == name ? name : LabelSlugs.hashed(name)
    }
}

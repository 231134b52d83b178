private import CMosquitto
private import Glibc

/// Why the broker cannot be reached, or refuses.
struct MQTTFailure: Error, Equatable, Sendable, CustomStringConvertible {
    let description: String
}

/// A connection to a broker by libmosquitto, MQTT 3.1.1 or 5.
///
/// Messages with quality of service 1 that are not acknowledged when the connection is lost are sent again
/// after ``connect()``.
///
/// Threading: one thread; libmosquitto calls back within ``step(milliseconds:)``.
final class MQTTClient {
    struct Options: Sendable {
        var address: BrokerAddress
        /// Version 5 of the protocol instead of 3.1.1.
        var usesVersion5 = false
        var clientID: String
        var user: String?
        var password: String?
        var caFile: String?
        var certificateFile: String?
        var keyFile: String?
        /// Retained message of the broker when this client dies.
        var will: MQTTMessage
    }

    /// A message that arrived.
    struct Received: Equatable, Sendable {
        var topic: String
        /// At most one byte more than ``DaemonCommand/maximumBytes``.
        var payload: [UInt8]
        /// Whether the broker kept it for subscribers, so that it may be old.
        var isRetained = false
    }

    /// What the callbacks report.
    fileprivate final class Inbox {
        var isConnected = false
        /// Why the broker refused the connection.
        var refusal: String?
        /// Numbers of the messages that were acknowledged.
        var acknowledged: [Int32] = []
        /// libmosquitto's last message about an error, such as that of a certificate.
        var error: String?
        /// Why the broker's certificate is refused.
        var verification: String?
        var received: [Received] = []
        /// Messages that found ``received`` full.
        var dropped = 0
    }

    /// Messages that are kept between two calls of ``received()``.
    fileprivate static let maximumReceived = 64

    private let options: Options
    private let inbox = Inbox()
    private let handle: OpaquePointer
    private var wasConnected = false

    /// - Throws: ``MQTTFailure`` for options that libmosquitto refuses, such as a certificate that
    ///   is not one.
    init(_ options: Options) throws(MQTTFailure) {
        self.options = options
        mosquitto_lib_init()
        // SAFETY: the inbox lives as long as this object, which destroys the handle first.
        let context = Unmanaged.passUnretained(inbox).toOpaque()
        guard let handle = mosquitto_new(options.clientID, true, context) else {
            throw MQTTFailure(
                description: "client id '\(options.clientID)': \(String(cString: strerror(errno)))")
        }
        self.handle = handle
        mosquitto_int_option(
            handle, MOSQ_OPT_PROTOCOL_VERSION, options.usesVersion5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311)
        setCallbacks()
        let will = options.will
        try check(
            mosquitto_will_set(handle, will.topic, Int32(will.payload.utf8.count), will.payload, 1, true),
            "the last will")
        if options.user != nil {
            try check(mosquitto_username_pw_set(handle, options.user, options.password), "the user")
        }
        if options.address.usesTLS {
            // Without certificates of its own, the system's directory.
            let directory = options.caFile == nil ? "/etc/ssl/certs" : nil
            try check(
                mosquitto_tls_set(
                    handle, options.caFile, directory, options.certificateFile, options.keyFile, nil),
                "the certificates of mqtt.ca_file, mqtt.certificate_file and mqtt.key_file")
        }
    }

    deinit { mosquitto_destroy(handle) }

    /// Whether the broker has accepted the connection.
    var isConnected: Bool { inbox.isConnected }

    /// Starts a connection; blocks while the network does. The broker's answer arrives in
    /// ``step(milliseconds:)``.
    func connect() throws(MQTTFailure) {
        (inbox.isConnected, inbox.refusal, inbox.error, inbox.verification) = (false, nil, nil, nil)
        let address = options.address
        let code =
            wasConnected
            ? mosquitto_reconnect(handle) : mosquitto_connect(handle, address.host, address.port, 30)
        wasConnected = true
        try check(code, "\(address.host):\(address.port)")
    }

    /// Sends and receives what is due.
    ///
    /// - Throws: ``MQTTFailure`` when the connection is lost or was refused.
    func step(milliseconds: Int32) throws(MQTTFailure) {
        let code = loop(milliseconds: milliseconds)
        if let refusal = inbox.refusal { throw MQTTFailure(description: refusal) }
        if code != MOSQ_ERR_SUCCESS.rawValue.code { inbox.isConnected = false }
        try check(code, "\(options.address.host):\(options.address.port)")
    }

    /// What `mosquitto_loop` does, with `poll`: that one uses `select`, which has no room for a descriptor
    /// above 1023, and a thousand clients of the page take those below.
    private func loop(milliseconds: Int32) -> Int32 {
        let socket = mosquitto_socket(handle)
        guard socket >= 0 else { return MOSQ_ERR_NO_CONN.rawValue.code }
        let writes = mosquitto_want_write(handle) ? POLLOUT : 0
        var entry = pollfd(fd: socket, events: Int16(POLLIN | writes), revents: 0)
        let isReady = poll(&entry, 1, milliseconds) > 0
        var code = MOSQ_ERR_SUCCESS.rawValue.code
        if isReady, Int32(entry.revents) & POLLOUT != 0 { code = mosquitto_loop_write(handle, 1) }
        if isReady, Int32(entry.revents) & ~POLLOUT != 0, code == MOSQ_ERR_SUCCESS.rawValue.code {
            code = mosquitto_loop_read(handle, 1)
        }
        return code == MOSQ_ERR_SUCCESS.rawValue.code ? mosquitto_loop_misc(handle) : code
    }

    /// Queues a message. One with quality 1 is kept while the connection is lost, which
    /// ``step(milliseconds:)`` reports.
    ///
    /// - Returns: Its number, for ``acknowledgements()``.
    @discardableResult
    func publish(
        _ message: MQTTMessage, quality: Int32, isRetained: Bool = false
    ) throws(MQTTFailure) -> Int32 {
        var number: Int32 = 0
        let count = Int32(message.payload.utf8.count)
        let code = mosquitto_publish(
            handle, &number, message.topic, count, message.payload, quality, isRetained)
        // libmosquitto queues a message before it writes to the connection.
        let lost = [MOSQ_ERR_NO_CONN, MOSQ_ERR_CONN_LOST, MOSQ_ERR_ERRNO].map(\.rawValue.code)
        if quality > 0, lost.contains(code) { return number }
        try check(code, message.topic)
        return number
    }

    /// Has the broker send the messages of a topic, with quality 1.
    func subscribe(to topic: String) throws(MQTTFailure) {
        try check(mosquitto_subscribe(handle, nil, topic, 1), topic)
    }

    /// The messages that have arrived since the last call, and how many more did not fit.
    func received() -> (messages: [Received], dropped: Int) {
        defer { (inbox.received, inbox.dropped) = ([], 0) }
        return (inbox.received, inbox.dropped)
    }

    /// The numbers of the messages with quality 1 that the broker has since the last call.
    func acknowledgements() -> [Int32] {
        defer { inbox.acknowledged = [] }
        return inbox.acknowledged
    }

    /// Ends the connection without the last will.
    func disconnect() { mosquitto_disconnect(handle) }

    private func setCallbacks() {
        mosquitto_connect_callback_set(handle) { _, context, code in
            guard let inbox = Inbox.of(context) else { return }
            inbox.isConnected = code == 0
            guard code != 0 else { return }
            // The codes of version 5 begin at 128.
            inbox.refusal = String(
                cString: code < 128 ? mosquitto_connack_string(code) : mosquitto_reason_string(code))
        }
        mosquitto_disconnect_callback_set(handle) { _, context, _ in Inbox.of(context)?.isConnected = false }
        mosquitto_publish_callback_set(handle) { _, context, number in
            Inbox.of(context)?.acknowledged.append(number)
        }
        mosquitto_message_callback_set(handle) { _, context, message in
            guard let inbox = Inbox.of(context), let message = message?.pointee, let topic = message.topic
            else { return }
            guard inbox.received.count < MQTTClient.maximumReceived else { return inbox.dropped += 1 }
            let count = min(max(0, Int(message.payloadlen)), DaemonCommand.maximumBytes + 1)
            // SAFETY: the message has `payloadlen` bytes, and lives until the callback returns.
            let payload = UnsafeRawBufferPointer(start: message.payload, count: count)
            inbox.received.append(
                Received(
                    topic: String(cString: topic), payload: Array(payload), isRetained: message.retain))
        }
        mosquitto_log_callback_set(handle) { handle, context, level, text in
            guard let text, level == MOSQ_LOG_ERR, let inbox = Inbox.of(context) else { return }
            inbox.error = String(cString: text)
            // libmosquitto only says that a certificate is refused; OpenSSL knows why, until this returns.
            guard let connection = mosquitto_ssl_get(handle) else { return }
            let code = SSL_get_verify_result(OpaquePointer(connection))
            if code == X509_V_ERR_UNSPECIFIED {
                // A refusal by libmosquitto, which checks the host name only.
                inbox.verification = "it is not for this host name"
            } else if code != X509_V_OK {
                inbox.verification = String(cString: X509_verify_cert_error_string(code))
            }
        }
    }

    /// - Throws: ``MQTTFailure`` with libmosquitto's reason for a code that is not success.
    private func check(_ code: Int32, _ what: String) throws(MQTTFailure) {
        guard code != MOSQ_ERR_SUCCESS.rawValue.code else { return }
        let system = code == MOSQ_ERR_ERRNO.rawValue.code
        let reason = system ? String(cString: strerror(errno)) : String(cString: mosquitto_strerror(code))
        if let verification = inbox.verification {
            throw MQTTFailure(description: "\(what): the broker's certificate is refused: \(verification)")
        }
        let error = inbox.error ?? ""
        if error.contains("alert certificate required") || error.contains("alert handshake failure") {
            throw MQTTFailure(
                description: "\(what): the broker requires a certificate: set mqtt.certificate_file and "
                    + "mqtt.key_file")
        }
        if error.contains("alert unknown ca") {
            throw MQTTFailure(description: "\(what): the broker does not trust mqtt.certificate_file")
        }
        let details = error.isEmpty ? "" : " (\(error))"
        throw MQTTFailure(description: "\(what): \(reason)\(details)")
    }
}

extension MQTTClient.Inbox {
    fileprivate static func of(_ context: UnsafeMutableRawPointer?) -> MQTTClient.Inbox? {
        // SAFETY: the context that ``MQTTClient`` passed, which outlives the handle.
        context.map { Unmanaged<MQTTClient.Inbox>.fromOpaque($0).takeUnretainedValue() }
    }
}

extension BinaryInteger {
    /// C imports the enumeration of codes with a type that depends on the platform.
    fileprivate var code: Int32 { Int32(truncatingIfNeeded: self) }
}

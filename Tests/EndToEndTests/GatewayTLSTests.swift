import Glibc
import TestSupport
import Testing

/// `astd-gateway run` and brokers whose certificates, or whose demands, do not fit.
@Suite(.timeLimit(.minutes(10)))
struct GatewayTLSTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func openssl(_ arguments: String...) async throws {
        let exit = try await ChildProcess(["openssl"] + arguments, in: folder, package: "openssl").exit()
        guard exit.code == 0 else { throw TestFailure("openssl \(arguments): \(exit.errorLines)") }
    }

    private func authority(_ name: String) async throws {
        try await openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-days", "2", "-keyout",
            folder.file("\(name).key"), "-out", folder.file("\(name).pem"))
    }

    /// A certificate and its key: `NAME.pem`, `NAME.key`.
    private func certificate(
        _ name: String, for subject: String, by authority: String = "ca", days: Int = 2
    ) async throws {
        try await openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout",
            folder.file("\(name).key"), "-out", folder.file("\(name).csr"))
        let names = try folder.write("subjectAltName=\(subject)\n".utf8, to: "\(name).names")
        try await openssl(
            "x509", "-req", "-in", folder.file("\(name).csr"), "-CA", folder.file("\(authority).pem"),
            "-CAkey", folder.file("\(authority).key"), "-CAcreateserial", "-days", "\(days)", "-extfile",
            names, "-out", folder.file("\(name).pem"))
    }

    private func broker(_ name: String, _ more: String = "") async throws -> MosquittoBroker {
        try await MosquittoBroker(
            in: folder,
            settings: """
                certfile \(folder.file("\(name).pem"))
                keyfile \(folder.file("\(name).key"))
                cafile \(folder.file("ca.pem"))
                \(more)
                """)
    }

    /// Starts a gateway for `mqtts://127.0.0.1`, and waits for a line of its log.
    private func gateway(
        _ broker: MosquittoBroker, authority: String = "ca", _ more: String = "", logs text: String
    ) async throws -> String {
        let settings = try TestGateway(
            """
            mqtt: {url: "mqtts://127.0.0.1:\(broker.port)", ca_file: \(folder.file("\(authority).pem"))\(more)}
            """, in: folder)
        let gateway = try settings.start()
        defer { gateway.kill() }
        try await eventually("the line \(text)") {
            try gateway.standardError().contains(text) ? true : nil
        } otherwise: {
            try gateway.standardError()
        }
        // No part of the command line, the environment or the log is a secret.
        for file in ["cmdline", "environ", "status"] {
            let bytes = try TestFolder.bytes(of: "/proc/\(gateway.identifier)/\(file)")
            #expect(!String(decoding: bytes, as: UTF8.self).contains("s3cret"), "\(file)")
        }
        let log = try gateway.standardError()
        #expect(!log.contains("s3cret"))
        let check = try await settings.run("run", "--check-config")
        #expect(check.code == 0 && !check.lines.joined().contains("s3cret"))
        return log
    }

    @Test func `A certificate of the broker that does not fit is refused, with the reason`() async throws {
        try await authority("ca")
        try await authority("other")
        try await certificate("good", for: "IP:127.0.0.1")
        try await certificate("expired", for: "IP:127.0.0.1", days: -1)
        try await certificate("elsewhere", for: "DNS:elsewhere.example")
        let refused = "the broker's certificate is refused: "
        let good = try await broker("good")
        _ = try await gateway(good, logs: "connected to the broker")
        let log = try await gateway(
            good, authority: "other", logs: refused + "self-signed certificate in certificate chain")
        #expect(!log.contains("connected to the broker"))
        try await good.stop()
        let expired = try await broker("expired")
        _ = try await gateway(expired, logs: refused + "certificate has expired")
        try await expired.stop()
        let elsewhere = try await broker("elsewhere")
        _ = try await gateway(elsewhere, logs: refused + "it is not for this host name")
        try await elsewhere.stop()
    }

    @Test func `A broker that demands a certificate gets it, and the reason is logged without one`()
        async throws
    {
        try await authority("ca")
        try await authority("other")
        try await certificate("good", for: "IP:127.0.0.1")
        try await certificate("client", for: "DNS:client")
        try await certificate("foreign", for: "DNS:client", by: "other")
        let broker = try await broker("good", "require_certificate true")
        func files(_ name: String) -> String {
            ", certificate_file: \(folder.file("\(name).pem")), key_file: \(folder.file("\(name).key"))"
        }
        _ = try await gateway(broker, logs: "the broker requires a certificate: set mqtt.certificate_file")
        _ = try await gateway(
            broker, files("foreign"), logs: "the broker does not trust mqtt.certificate_file")
        _ = try await gateway(broker, files("client"), logs: "connected to the broker")
        try await broker.stop()
    }

    @Test func `The password comes from a file, and is nowhere to be seen`() async throws {
        try await authority("ca")
        try await certificate("good", for: "IP:127.0.0.1")
        let users = folder.file("users")
        let exit = try await ChildProcess(
            ["mosquitto_passwd", "-b", "-c", users, "astd", "s3cret word"], in: folder, package: "mosquitto"
        ).exit()
        #expect(exit.code == 0)
        let broker = try await broker("good", "password_file \(users)\nallow_anonymous false")
        func user(_ password: String) throws -> String {
            ", user: astd, password_file: \(try folder.write("\(password)\n".utf8, to: "password"))"
        }
        _ = try await gateway(broker, try user("s3cret word"), logs: "connected to the broker")
        _ = try await gateway(broker, try user("another s3cret"), logs: "not authorised")
        _ = try await gateway(broker, try user("another s3cret") + ", protocol: 5", logs: "Not authorized")
        try await broker.stop()
    }
}

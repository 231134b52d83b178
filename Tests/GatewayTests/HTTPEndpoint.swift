import TestSupport
import TextSupport

/// `Tests/tools/http_endpoint.py`: a server that receives webhooks.
struct HTTPEndpoint {
    let program: ChildProcess
    let port: Int

    /// - Parameters:
    ///   - certificate: Files with a certificate and its key; empty: without TLS.
    ///   - script: Another server in `Tests/tools` that prints its port first.
    init(certificate: [String] = [], script: String = "http_endpoint.py", in folder: TestFolder) async throws
    {
        let name = script
        let script = #filePath.replacing("GatewayTests/HTTPEndpoint.swift", with: "tools/" + name)
        program = try ChildProcess(["python3", script] + certificate, in: folder, package: "python3")
        let program = program
        port = try await eventually("the port of \(name)") {
            try program.standardOutput().split(separator: "\n").first.flatMap { Int($0) }
        } otherwise: {
            try program.standardError()
        }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

    /// The requests so far whose path begins so.
    func requests(_ path: String = "/") throws -> [JSONObject] {
        let lines = try program.standardOutput().split(separator: "\n", omittingEmptySubsequences: false)
        // The last is not complete.
        return try lines.dropFirst().dropLast().map { try JSONObject(parsing: Array($0.utf8)) }
            .filter { try $0.requiredString("path").hasPrefix(path) }
    }
}

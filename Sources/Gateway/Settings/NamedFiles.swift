private import Glibc
public import Settings
private import SystemSupport

/// A file that a setting names.
private struct NamedFile {
    let key: String
    let path: String
    /// What a PEM file must contain; nil: any text.
    var block: String?

    private static let maximumBytes = 16 << 20

    /// Why it cannot be used; nil: it can.
    ///
    /// - Parameter permissions: Whether a file that this user may not read is a problem.
    func problem(permissions: Bool) -> String? {
        let descriptor = open(path.systemPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == EACCES && !permissions { return nil }
            return "cannot open \(path) (\(key)): \(String(cString: strerror(errno)))"
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            return "\(path) (\(key)) is a directory; name a file"
        }
        guard let block else { return nil }
        return contains("-----BEGIN ", block, descriptor)
            ? nil : "\(path) (\(key)) has no \(block.lowercased()) in PEM form (-----BEGIN \(block)-----)"
    }

    private func contains(_ begin: String, _ block: String, _ descriptor: Int32) -> Bool {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while text.count < Self.maximumBytes {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            text += buffer[..<count]
        }
        // Such as `-----BEGIN EC PRIVATE KEY-----`, `-----BEGIN TRUSTED CERTIFICATE-----`.
        return text.split(separator: 0x0A).contains { line in
            let line = String(decoding: line.prefix(100), as: UTF8.self)
            return line.hasPrefix(begin) && line.contains(block + "-----")
        }
    }
}

extension LoadedGatewaySettings {
    /// Checks the files that the settings of `mqtt`, `http` and `notify` name.
    ///
    /// - Parameter isTrial: The process will not run as the gateway: files that only the gateway's user can
    ///   read, and systemd's credentials, which exist while the service runs, are not checked.
    /// - Throws: `SettingsRefusal` with every problem.
    public func checkFiles(isTrial: Bool) throws(SettingsRefusal) {
        let mqtt = settings.mqtt
        var files: [(file: NamedFile, origin: SettingOrigin)] = []
        func add(_ key: String, _ path: String?, _ block: String? = nil, of section: String? = nil) {
            guard let path, !isTrial || !path.hasPrefix("/run/credentials/") else { return }
            let origin = origins[section ?? key] ?? .fallback
            files.append((NamedFile(key: key, path: path, block: block), origin))
        }
        add("mqtt.password_file", mqtt.passwordFile)
        add("mqtt.ca_file", mqtt.caFile, "CERTIFICATE")
        add("mqtt.certificate_file", mqtt.certificateFile, "CERTIFICATE")
        add("mqtt.key_file", mqtt.keyFile, "PRIVATE KEY")
        add("http.token_file", settings.http.tokenFile)
        for rule in settings.notify {
            guard case .webhook(let webhook) = rule.action else { continue }
            let section = NotifyRulesReader.key
            add("url_file of the rule '\(rule.name)'", webhook.urlFile, of: section)
            add("token_file of the rule '\(rule.name)'", webhook.tokenFile, of: section)
            add("ca_file of the rule '\(rule.name)'", webhook.caFile, "CERTIFICATE", of: section)
        }
        let problems = files.compactMap { file, origin in
            file.problem(permissions: !isTrial).map {
                SettingsProblem(origin: origin, kind: .badFile($0))
            }
        }
        if !problems.isEmpty { throw SettingsRefusal(problems: problems) }
    }
}

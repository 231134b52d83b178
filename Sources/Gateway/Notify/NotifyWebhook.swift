internal import TextSupport

/// The request of a rule with a webhook, with its secrets.
struct NotifyWebhook {
    private let webhook: NotifyRule.Webhook
    private let url: String
    private let token: String?

    /// Reads the files with the URL and the token.
    ///
    /// - Throws: `SecretFile.Failure`
    init(_ webhook: NotifyRule.Webhook) throws(SecretFile.Failure) {
        self.webhook = webhook
        var url = webhook.url ?? ""
        if let file = webhook.urlFile {
            url = try SecretFile.read(file)
            guard HTTPPost.isURL(url) else {
                throw SecretFile.Failure(
                    description: "\(file): the first line is not an http:// or https:// URL")
            }
        }
        self.url = url
        token = try webhook.tokenFile.map { file throws(SecretFile.Failure) in try SecretFile.read(file) }
    }

    /// The scheme and the host of the URL.
    var place: String { HTTPPost.place(of: url) }

    func request(_ text: NotifyText) -> HTTPPost {
        var headers = webhook.headers
        let type = headers.first { $0.name.lowercased() == "content-type" }?.value
        if type == nil { headers.append(.init(name: "Content-Type", value: "application/json")) }
        if let token { headers.append(.init(name: "Authorization", value: "Bearer \(token)")) }
        var target = url
        let body: [UInt8]
        if let template = webhook.body {
            body = Array(text.filled(template, isJSON: type?.contains("json") ?? true).utf8)
        } else {
            body = self.body(text, &target)
        }
        return HTTPPost(
            url: target, headers: headers, body: body, caFile: webhook.caFile,
            timeoutSeconds: webhook.timeoutSeconds)
    }

    private func body(_ text: NotifyText, _ url: inout String) -> [UInt8] {
        let (title, message) = (text.title, text.message)
        switch webhook.format {
        case .json: return text.json
        case .slack:
            // Slack's markup begins with these.
            let plain = message.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
                .replacing(">", with: "&gt;")
            return JSONText { $0.object { $0.member("text", plain) } }.bytes
        case .homeAssistant:
            return JSONText { json in
                json.object { json in
                    json.member("title", title)
                    json.member("message", message)
                }
            }.bytes
        case .ntfy:
            // In JSON, a label cannot end a header; it is posted to the server's root.
            var path = url.prefix { $0 != "?" }
            while path.hasSuffix("/") { path = path.dropLast() }
            let topic = path.split(separator: "/").last.map(String.init) ?? ""
            url = String(path.dropLast(topic.count))
            return JSONText { json in
                json.object { json in
                    json.member("topic", topic)
                    json.member("title", title)
                    json.member("message", message)
                }
            }.bytes
        }
    }
}

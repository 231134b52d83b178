private import CCurl
private import Glibc

/// A POST request by libcurl: with limits of time and size, without redirects.
struct HTTPPost {
    var url: String
    var headers: [NotifyRule.Webhook.Header] = []
    var body: [UInt8]
    var caFile: String?
    var timeoutSeconds: Double

    /// Of an answer, of which nothing but the status counts.
    static let maximumAnswerBytes = 65_536
    private static let maximumConnectMilliseconds = 10_000

    /// What the callbacks need.
    private final class Context {
        let isStopped: () -> Bool
        var receivedBytes = 0

        init(_ isStopped: @escaping () -> Bool) { self.isStopped = isStopped }
    }

    /// The part of the URL that is not secret: the scheme and the host.
    static func place(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return "***" }
        let host = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        return String(url[..<scheme.upperBound] + (host.split(separator: "@").last ?? ""))
    }

    /// Whether a text can be requested.
    static func isURL(_ text: String) -> Bool {
        let isHTTP = text.hasPrefix("http://") || text.hasPrefix("https://")
        return isHTTP && place(of: text).count > (text.hasPrefix("https") ? 8 : 7)
            && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F }
    }

    /// Sends the request; blocks.
    func send(isStopped: @escaping () -> Bool) -> NotifyOutcome {
        Self.initialise()
        guard let handle = curl_easy_init() else { return .failed("out of memory") }
        defer { curl_easy_cleanup(handle) }
        let context = Context(isStopped)
        var list: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(list) }
        for header in headers { list = curl_slist_append(list, "\(header.name): \(header.value)") }
        // No wait for a "100 Continue" that many servers never send.
        list = curl_slist_append(list, "Expect:")
        astd_curl_set_text(handle, CURLOPT_URL, url)
        astd_curl_allow_http(handle)
        astd_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        astd_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        astd_curl_quick_exit(handle)
        astd_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(timeoutSeconds * 1000))
        astd_curl_set_long(
            handle, CURLOPT_CONNECTTIMEOUT_MS,
            min(Self.maximumConnectMilliseconds, Int(timeoutSeconds * 1000)))
        astd_curl_set_text(handle, CURLOPT_USERAGENT, "astd-gateway")
        if let caFile { astd_curl_set_text(handle, CURLOPT_CAINFO, caFile) }
        astd_curl_set_list(handle, CURLOPT_HTTPHEADER, list)
        astd_curl_set_long(handle, CURLOPT_POST, 1)
        astd_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, body.count)
        // SAFETY: the context outlives `curl_easy_perform`, the only function that calls back.
        let pointer = Unmanaged.passUnretained(context).toOpaque()
        astd_curl_set_pointer(handle, CURLOPT_WRITEDATA, pointer)
        astd_curl_set_write(handle, CURLOPT_WRITEFUNCTION) { _, size, count, pointer in
            guard let pointer else { return 0 }
            let context = Unmanaged<Context>.fromOpaque(pointer).takeUnretainedValue()
            context.receivedBytes += size * count
            // Less than all ends the transfer.
            return context.receivedBytes > HTTPPost.maximumAnswerBytes ? 0 : size * count
        }
        astd_curl_set_pointer(handle, CURLOPT_XFERINFODATA, pointer)
        astd_curl_set_progress(handle) { pointer, _, _, _, _ in
            guard let pointer else { return 1 }
            return Unmanaged<Context>.fromOpaque(pointer).takeUnretainedValue().isStopped() ? 1 : 0
        }
        astd_curl_set_long(handle, CURLOPT_NOPROGRESS, 0)
        let code = body.withUnsafeBytes { bytes in
            // SAFETY: the body outlives the transfer.
            astd_curl_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress)
            return withExtendedLifetime(context) { curl_easy_perform(handle) }
        }
        var status = 0
        astd_curl_status(handle, &status)
        return outcome(code, status, context)
    }

    private func outcome(_ code: CURLcode, _ status: Int, _ context: Context) -> NotifyOutcome {
        if context.isStopped() { return .stopped }
        let place = Self.place(of: url)
        // libcurl's own words do not contain the path of the URL.
        let isCut = code == CURLE_WRITE_ERROR && context.receivedBytes > Self.maximumAnswerBytes
        guard code == CURLE_OK || isCut else {
            return .failed("\(place): \(String(cString: curl_easy_strerror(code)))")
        }
        let text = "\(place): HTTP \(status)" + (isCut ? ", answer cut" : "")
        switch status {
        case 200..<300: return .sent(text)
        case 300..<400:
            return .refused(text + "; redirects are not followed: set the URL that this one leads to")
        case 408, 425, 429, 500...: return .failed(text)
        default: return .refused(text)
        }
    }

    private static func initialise() { _ = once }
    private static let once = curl_global_init(Int(CURL_GLOBAL_ALL))
}

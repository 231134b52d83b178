internal import NIOCore
internal import NIOHTTP1

/// The files of the page. SwiftPM compiles those in `Files/` into the program; each is a row here.
///
/// A path is looked up in a table, never in a file system.
struct PageFiles: Sendable {
    /// Name in an address, and contents.
    private static let files: [(name: String, bytes: [UInt8])] = [
        ("index.html", PackageResources.index_html),
        ("icon.svg", PackageResources.icon_svg),
        ("openapi.json", PackageResources.openapi_json),
        ("page.css", PackageResources.page_css),
        ("api.js", PackageResources.api_js),
        ("clip.js", PackageResources.clip_js),
        ("colors.js", PackageResources.colors_js),
        ("connection.js", PackageResources.connection_js),
        ("control.js", PackageResources.control_js),
        ("detail.js", PackageResources.detail_js),
        ("dialogs.js", PackageResources.dialogs_js),
        ("dom.js", PackageResources.dom_js),
        ("ear.js", PackageResources.ear_js),
        ("eventrow.js", PackageResources.eventrow_js),
        ("export.js", PackageResources.export_js),
        ("format.js", PackageResources.format_js),
        ("heatdata.js", PackageResources.heatdata_js),
        ("heatmap.js", PackageResources.heatmap_js),
        ("list.js", PackageResources.list_js),
        ("live.js", PackageResources.live_js),
        ("main.js", PackageResources.main_js),
        ("memory.js", PackageResources.memory_js),
        ("model.js", PackageResources.model_js),
        ("mute.js", PackageResources.mute_js),
        ("review.js", PackageResources.review_js),
        ("route.js", PackageResources.route_js),
        ("spectrum.js", PackageResources.spectrum_js),
        ("start.js", PackageResources.start_js),
        ("stream.js", PackageResources.stream_js),
        ("timeline.js", PackageResources.timeline_js),
    ]

    private static let types = [
        "css": "text/css; charset=utf-8", "html": "text/html; charset=utf-8",
        "ico": "image/x-icon", "js": "text/javascript; charset=utf-8", "json": "application/json",
        "png": "image/png", "svg": "image/svg+xml", "txt": "text/plain; charset=utf-8",
        "webmanifest": "application/manifest+json",
    ]

    private struct File {
        var type: String
        /// Changes with the contents.
        var tag: String
        var body: ByteBuffer
    }

    private let byName: [String: File]

    init() {
        var files: [String: File] = [:]
        for (name, bytes) in Self.files {
            let suffix = name.split(separator: ".").last.map(String.init) ?? ""
            files[name] = File(
                type: Self.types[suffix] ?? "application/octet-stream", tag: "\"\(Self.hash(bytes))\"",
                body: ByteBuffer(bytes: bytes))
        }
        files[""] = files["index.html"]
        byName = files
    }

    /// nil: no file has this name.
    func answer(_ name: String, _ headers: HTTPHeaders) -> PageMessage? {
        guard let file = byName[name] else { return nil }
        // A browser asks each time whether it has changed.
        let common = [("ETag", file.tag), ("Cache-Control", "no-cache")]
        if headers[canonicalForm: "If-None-Match"].contains(where: { $0 == file.tag || $0 == "W/" + file.tag }
        ) {
            return PageMessage(.notModified, headers: common)
        }
        return PageMessage(.ok, headers: [("Content-Type", file.type)] + common, body: file.body)
    }

    /// FNV-1a.
    private static func hash(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}

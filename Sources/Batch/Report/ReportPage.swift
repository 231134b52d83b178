/// The fixed parts of the report's page. The data is written between them.
///
/// The style sheet and the script are `report.css` and `report.js` beside this file. SwiftPM compiles their
/// bytes into the program, which therefore needs no resource bundle.
enum ReportPage {
    static let head = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src * file: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <title>astd report</title>
        <style>
        \#(style)</style>
        </head>
        <body>
        <header>
        <h1>astd report</h1>
        <p id="totals"></p>
        <button id="theme" type="button" title="Light or dark">◐</button>
        </header>
        <section id="labels"></section>
        <nav>
        <input id="search" type="search" placeholder="Search files, labels, errors" aria-label="Search">
        <span role="group" aria-label="Sort by">
        <button type="button" data-sort="order">Order</button>
        <button type="button" data-sort="file">Name</button>
        <button type="button" data-sort="seconds">Length</button>
        <button type="button" data-sort="label">Label</button>
        <button type="button" data-sort="score">Score</button>
        <button type="button" data-sort="error">Errors</button>
        </span>
        <span id="count" role="status"></span>
        </nav>
        <main id="list"></main>
        <p><button id="more" type="button">Show more</button></p>
        <script type="application/json" id="model">
        """#

    static let beforeFiles = "</script>\n<script type=\"application/x-ndjson\" id=\"files\">\n"

    static let afterFiles = "</script>\n<script type=\"application/json\" id=\"skipped\">"

    static let afterSkipped = "</script>\n<script>\n"

    /// The page's behaviour. Its state (search, order, theme) is kept in the address, so that a view can be
    /// linked to.
    static let script = text(PackageResources.report_js)

    static let tail = "</script>\n</body>\n</html>\n"

    private static let style = text(PackageResources.report_css)

    private static func text(_ resource: [UInt8]) -> String { String(decoding: resource, as: UTF8.self) }
}

private import Frontend
public import Recognizer
private import TextSupport
private import Wire

/// A picture of a recording: its log-mels over time, and below them the scores of the best labels.
public struct SpectrogramPicture {
    private static let margin = 10
    /// Width of the names of labels and frequencies.
    private static let left = 190
    private static let trackHeight = 16
    /// Maximum number of labels, one per track.
    private static let mostTracks = 8
    /// Height in pixels of a row of the spectrogram.
    private static let rowPixels = 2
    static let bins = 128
    static let columns = 1200

    private static let page = RGB(18, 18, 22)
    private static let ink = RGB(226, 226, 230)
    private static let faint = RGB(132, 132, 142)
    private static let track = RGB(38, 38, 46)
    private static let bar = RGB(252, 160, 70)

    /// Classifies a file and draws it.
    ///
    /// - Parameter path: A file, or `-` for standard input.
    /// - Returns: The bytes of a PNG file.
    /// - Throws: ``FileClassifier/Failure`` when the file cannot be read to its end.
    public static func png(
        of path: String, _ classifier: FileClassifier
    ) throws(FileClassifier.Failure) -> [UInt8] {
        let mels = classifier.scorer.variants[0].frontend.melBins
        let stream = try classifier.open(
            path, classifier.makeFeatures(),
            observer: SpectrogramColumns(bins: min(bins, mels), limit: columns))
        var tracks: [String: Track] = [:]
        var windows: [String: [WindowSpans.Span]] = [:]
        while let window = try classifier.next(of: stream) {
            let record = classifier.record(try classifier.scores(window, path), of: window, path)
            let adapter = record.adapter ?? ""
            let place = windows[adapter]?.count ?? 0
            windows[adapter, default: []].append((record.start, record.end))
            for label in record.labels {
                let name = record.adapter.map { "\(label.label) [\($0)]" } ?? label.label
                tracks[name, default: Track(name: name, adapter: adapter)].add(label.score, window: place)
            }
        }
        guard let spectrogram = stream.observer as? SpectrogramColumns else { return [] }
        let best = tracks.values.sorted { ($0.peak, $1.name) > ($1.peak, $0.name) }.prefix(mostTracks)
        let spans = windows.mapValues(WindowSpans.drawn)
        return draw(spectrogram, Array(best), spans, seconds: stream.seconds, title: path).png
    }

    struct Track {
        let name: String
        /// `""` for the base model.
        let adapter: String
        var peak = -Float.infinity
        /// The windows that have this label among their best, counted for each adapter.
        var scores: [(window: Int, score: Float)] = []

        init(name: String, adapter: String = "") { (self.name, self.adapter) = (name, adapter) }

        mutating func add(_ score: Float, window: Int) {
            peak = max(peak, score)
            scores.append((window, score))
        }
    }

    static func draw(
        _ spectrogram: SpectrogramColumns, _ tracks: [Track], _ spans: [String: [WindowSpans.Span]],
        seconds: Double, title: String
    ) -> Picture {
        // Short files are stretched to a readable width.
        let stretch = max(1, 600 / max(1, spectrogram.count))
        let width = spectrogram.count * stretch
        let height = spectrogram.bins * rowPixels
        let top = margin + 16
        let below = top + height + 22
        var picture = Picture(
            width: left + width + margin, height: below + tracks.count * (trackHeight + 2) + margin,
            background: page)
        let room = (picture.width - 2 * margin) / PixelFont.width
        PixelFont.draw(String(title.suffix(room)), x: margin, y: margin, ink, in: &picture)
        let levels = spectrogram.levels
        for column in 0..<spectrogram.count {
            for bin in 0..<spectrogram.bins {
                let x = left + column * stretch
                let y = top + height - (bin + 1) * rowPixels
                picture.fill(
                    x: x..<x + stretch, y: y..<y + rowPixels,
                    LoudnessColors.at(Double(levels[column * spectrogram.bins + bin])))
            }
        }
        drawFrequencies(top: top, height: height, in: &picture)
        // The last column may reach beyond the end of the file.
        let pictureSeconds = Double(spectrogram.count * spectrogram.framesPerColumn) / 100
        drawTimes(seconds: pictureSeconds, x: left, width: width, y: top + height, in: &picture)
        draw(tracks, spans, seconds: pictureSeconds, width: width, y: below, in: &picture)
        return picture
    }

    private static func drawFrequencies(top: Int, height: Int, in picture: inout Picture) {
        for (hertz, name) in [
            (100, "100 Hz"), (500, "500"), (1000, "1 kHz"), (2000, "2"), (4000, "4"), (8000, "8"),
        ] {
            let y = top + height - Int(Double(height) * FrontendConfig.melPosition(hertz: Double(hertz)))
            picture.fill(x: left - 5..<left - 1, y: y..<y + 1, faint)
            PixelFont.draw(
                name, x: left - 9 - PixelFont.width(of: name), y: max(top, y - 3), faint, in: &picture)
        }
    }

    private static func drawTimes(seconds: Double, x: Int, width: Int, y: Int, in picture: inout Picture) {
        let steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400]
        // Marks are at least 80 pixels apart.
        let step = steps.first { $0 / seconds * Double(width) >= 80 } ?? seconds
        var mark = 0
        while Double(mark) * step <= seconds {
            let at = Double(mark) * step
            let column = x + Int(at / seconds * Double(width))
            picture.fill(x: column..<column + 1, y: y..<y + 4, faint)
            PixelFont.draw(clock(at, fine: step < 1), x: column - 2, y: y + 7, faint, in: &picture)
            mark += 1
        }
    }

    private static func draw(
        _ tracks: [Track], _ spans: [String: [WindowSpans.Span]], seconds: Double, width: Int, y: Int,
        in picture: inout Picture
    ) {
        // Logits have no fixed range, so the scale covers their values.
        let scores = tracks.flatMap { $0.scores.map(\.score) }
        let (low, high) = (min(0, scores.min() ?? 0), max(1, scores.max() ?? 1))
        for (index, track) in tracks.enumerated() {
            let top = y + index * (trackHeight + 2)
            picture.fill(x: left..<left + width, y: top..<top + trackHeight, Self.track)
            let room = (left - 2 * margin - 6 * PixelFont.width) / PixelFont.width
            let name = String(track.name.prefix(room))
            let score = FixedDecimals.text(Double(track.peak), decimals: 2) ?? "?"
            PixelFont.draw(
                name, x: left - 8 - 6 * PixelFont.width - PixelFont.width(of: name), y: top + 5, ink,
                in: &picture)
            PixelFont.draw(
                score, x: left - 6 - PixelFont.width(of: score), y: top + 5, faint, in: &picture)
            let spans = spans[track.adapter] ?? []
            for (window, score) in track.scores where window < spans.count {
                let span = spans[window]
                let share = Double((score - low) / (high - low))
                let start = left + Int(span.start / seconds * Double(width))
                let end = left + Int(min(span.end, seconds) / seconds * Double(width))
                let full = Int((share * Double(trackHeight)).rounded())
                picture.fill(
                    x: start..<max(start + 1, end), y: top + trackHeight - full..<top + trackHeight,
                    Self.track.mixed(with: bar, 0.3 + 0.7 * share))
            }
        }
    }

    private static func clock(_ seconds: Double, fine: Bool) -> String {
        if fine { return (FixedDecimals.text(seconds, decimals: 1) ?? "?") + "s" }
        let whole = Int(seconds.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return whole < 3600
            ? "\(whole / 60):\(two(whole % 60))"
            : "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }
}

internal import Recognizer

/// The log-mels of a file as a picture of limited width. Memory does not grow with the file: when all columns
/// are used, pairs of columns are merged.
struct SpectrogramColumns: FrameObserver {
    /// Rows of the picture; each averages as many neighbouring mel filters.
    let bins: Int
    /// Maximum number of columns, even.
    let limit: Int
    private(set) var framesPerColumn = 1
    /// Sums of the frames of each column, `[columns, bins]`.
    private var sums: [Float] = []
    /// Frames in the last column.
    private var lastFrames = 0

    /// The size that the report uses.
    static let thumbnail = SpectrogramColumns(bins: 32, limit: 240)

    init(bins: Int, limit: Int) {
        precondition(bins > 0 && limit >= 2 && limit % 2 == 0)
        self.bins = bins
        self.limit = limit
    }

    var count: Int { sums.count / bins }

    /// All frames so far.
    var frames: Int { count == 0 ? 0 : (count - 1) * framesPerColumn + lastFrames }

    /// - Parameter rows: Logarithms of energies, `[frames, mels]`.
    package mutating func append(_ rows: UnsafeBufferPointer<Float>, mels: Int) {
        for row in 0..<rows.count / mels {
            append(UnsafeBufferPointer(rebasing: rows[row * mels..<(row + 1) * mels]))
        }
    }

    private mutating func append(_ mels: UnsafeBufferPointer<Float>) {
        if count == 0 || lastFrames == framesPerColumn {
            if count == limit { halve() }
            if count == 0 || lastFrames == framesPerColumn {
                sums += [Float](repeating: 0, count: bins)
                lastFrames = 0
            }
        }
        lastFrames += 1
        let start = sums.count - bins
        for bin in 0..<bins {
            let first = bin * mels.count / bins
            let end = max(first + 1, (bin + 1) * mels.count / bins)
            var sum: Float = 0
            for mel in first..<min(end, mels.count) { sum += mels[mel] }
            sums[start + bin] += sum / Float(end - first)
        }
    }

    private mutating func halve() {
        for column in 0..<count / 2 {
            for bin in 0..<bins {
                sums[column * bins + bin] =
                    sums[2 * column * bins + bin] + sums[(2 * column + 1) * bins + bin]
            }
        }
        sums.removeLast(sums.count / 2)
        // It is only called when all columns are full.
        framesPerColumn *= 2
        lastFrames = framesPerColumn
    }

    /// Loudness of each point, `[columns, bins]`, 0...1: 1 is the loudest point, 0 is 70 dB below it. The
    /// scale has a lower limit, so that a nearly silent file stays dark.
    var levels: [Float] {
        let means = sums.enumerated().map { index, sum in
            sum / Float(index / bins == count - 1 ? lastFrames : framesPerColumn)
        }
        // 70 dB in natural logarithms of power.
        let range: Float = 7 * 2.302585
        guard let loudest = means.max() else { return [] }
        let top = max(loudest, -1)
        return means.map { min(1, max(0, 1 - (top - $0) / range)) }
    }
}

/// The colour scale from silent to loud: black, violet, red, yellow, nearly white, with evenly rising
/// lightness.
enum LoudnessColors {
    static let all: [RGB] = (0..<64).map { at(Double($0) / 63) }

    private static let stops = [
        RGB(4, 4, 12), RGB(42, 16, 86), RGB(110, 28, 122), RGB(180, 48, 108), RGB(232, 90, 70),
        RGB(252, 160, 70), RGB(254, 232, 168),
    ]

    static func at(_ level: Double) -> RGB {
        let place = min(1, max(0, level)) * Double(stops.count - 1)
        let below = min(stops.count - 2, Int(place))
        return stops[below].mixed(with: stops[below + 1], place - Double(below))
    }
}

extension SpectrogramColumns {
    /// A PNG with a pixel for each point, high frequencies on top; `nil` without frames.
    var png: [UInt8]? {
        guard count > 0 else { return nil }
        let levels = levels
        let (width, height) = (count, bins)
        var pixels = [UInt8](repeating: 0, count: width * height)
        for column in 0..<width {
            for bin in 0..<height {
                let level = levels[column * bins + bin]
                pixels[(height - 1 - bin) * width + column] = UInt8((level * 63).rounded())
            }
        }
        return PNGFile.encode(
            pixels, width: width, height: height, bytesPerPixel: 1, palette: LoudnessColors.all)
    }
}

private import CPng

/// An RGB image with 8 bits per channel.
struct Picture {
    let width: Int
    let height: Int
    /// `[height, width, 3]`.
    private(set) var pixels: [UInt8]

    init(width: Int, height: Int, background: RGB) {
        precondition(width > 0 && height > 0)
        self.width = width
        self.height = height
        pixels = []
        pixels.reserveCapacity(3 * width * height)
        for _ in 0..<width * height { pixels += [background.red, background.green, background.blue] }
    }

    /// Ignores points outside the image.
    mutating func set(_ x: Int, _ y: Int, _ color: RGB) {
        guard (0..<width).contains(x), (0..<height).contains(y) else { return }
        let index = 3 * (y * width + x)
        pixels[index] = color.red
        pixels[index + 1] = color.green
        pixels[index + 2] = color.blue
    }

    mutating func fill(x: Range<Int>, y: Range<Int>, _ color: RGB) {
        for row in y.clamped(to: 0..<height) {
            for column in x.clamped(to: 0..<width) { set(column, row, color) }
        }
    }

    /// The bytes of a PNG file.
    var png: [UInt8] {
        PNGFile.encode(pixels, width: width, height: height, bytesPerPixel: 3, palette: nil)
    }
}

/// PNG files, written by libpng.
enum PNGFile {
    /// - Parameters:
    ///   - pixels: `[height, width, bytesPerPixel]`.
    ///   - palette: Up to 256 colours, with pixels as indices; `nil` for pixels of red, green and blue.
    static func encode(
        _ pixels: [UInt8], width: Int, height: Int, bytesPerPixel: Int, palette: [RGB]?
    ) -> [UInt8] {
        precondition(pixels.count == width * height * bytesPerPixel)
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(width)
        image.height = png_uint_32(height)
        image.format = palette == nil ? ast_png_rgb : ast_png_rgb_colormap
        image.colormap_entries = png_uint_32(palette?.count ?? 0)
        let colors = (palette ?? []).flatMap { [$0.red, $0.green, $0.blue] }
        // An upper limit: deflate adds a few bytes to data that it cannot compress, and each row has a filter
        // byte.
        let most = pixels.count + pixels.count / 100 + height + 8192
        return [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            var bytes = png_alloc_size_t(most)
            let stride = png_int_32(width * bytesPerPixel)
            let isWritten = png_image_write_to_memory(
                &image, buffer.baseAddress, &bytes, 0, pixels, stride, palette == nil ? nil : colors)
            precondition(isWritten != 0, "libpng fails only for invalid arguments")
            count = Int(bytes)
        }
    }
}

struct RGB: Equatable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Interpolates between this colour (0) and another (1).
    func mixed(with other: RGB, _ part: Double) -> RGB {
        func mix(_ from: UInt8, _ to: UInt8) -> UInt8 {
            UInt8((Double(from) + (Double(to) - Double(from)) * min(1, max(0, part))).rounded())
        }
        return RGB(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
    }
}

/// The bytes of a WAV file with 16-bit samples.
///
/// - Parameter channels: The samples of each channel, equally many.
package func wavFile(_ channels: [[Int16]], rateHz: Int = 16_000) -> [UInt8] {
    func bytes(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let frames = channels.first?.count ?? 0
    let frameBytes = 2 * channels.count
    var file = Array("RIFF".utf8) + bytes(36 + frames * frameBytes, 4) + Array("WAVEfmt ".utf8)
    file += bytes(16, 4) + bytes(1, 2) + bytes(channels.count, 2) + bytes(rateHz, 4)
    file += bytes(rateHz * frameBytes, 4) + bytes(frameBytes, 2) + bytes(16, 2)
    file += Array("data".utf8) + bytes(frames * frameBytes, 4)
    for frame in 0..<frames {
        for channel in channels { file += bytes(Int(channel[frame]), 2) }
    }
    return file
}

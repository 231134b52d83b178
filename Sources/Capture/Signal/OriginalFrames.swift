/// Frames of a live source as they were captured, between the device and the ``OriginalRing``: they wait
/// until the resampler has made the samples that belong to them.
///
/// Threading: the thread that captures.
struct OriginalFrames {
    let ring: OriginalRing
    /// The only channel that is kept, counted from 1; nil: all.
    let channel: Int?
    private var rateHz = CaptureFormat.sampleRateHz
    private var sourceChannels = 1
    /// Interleaved values of the frames that wait.
    private var waiting = UnsafeMutableBufferPointer<Int16>.allocate(capacity: 0)
    private var count: Int64 = 0

    init(_ ring: OriginalRing, channel: Int?) {
        self.ring = ring
        self.channel = channel
    }

    private var channels: Int { channel == nil ? sourceChannels : 1 }

    /// Must be called before the last reference is dropped.
    func free() { waiting.deallocate() }

    /// - Parameter frames: Most frames that are appended at a time.
    mutating func setFormat(channels: Int, rateHz: Int, frames: Int) {
        (sourceChannels, self.rateHz) = (channels, rateHz)
        count = 0
        // A resampler holds back less than half a second.
        let capacity = (frames + rateHz) * self.channels
        if waiting.count < capacity {
            waiting.deallocate()
            waiting = .allocate(capacity: capacity)
        }
    }

    /// - Parameter interleaved: The next frames, `[frames, channels]`; nil for silence.
    mutating func append(_ interleaved: UnsafePointer<Float>?, frames: Int) {
        let kept = channels
        let used = Int(count) * kept
        let frames = min(frames, waiting.count / kept - Int(count))
        guard frames > 0 else { return }
        for frame in 0..<frames {
            for index in 0..<kept {
                let value = interleaved?[frame * sourceChannels + (channel.map { $0 - 1 } ?? index)] ?? 0
                let scaled = CaptureFormat.isUsable(value) ? (value * 32_768).rounded() : 0
                waiting[used + frame * kept + index] = Int16(max(-32_768, min(32_767, scaled)))
            }
        }
        count += Int64(frames)
    }

    /// Passes the frames of the next samples on, or drops them.
    ///
    /// - Parameters:
    ///   - samples: How many samples the resampler has made of them.
    ///   - resampled: How many it had made before.
    ///   - position: Of the first; nil for samples that are not delivered.
    mutating func pass(samples: Int, resampled: Int64, at position: Int64?) {
        let chunk = OriginalRing.Chunk(
            start: position ?? 0, samples: Int64(samples), resampled: resampled, rateHz: rateHz,
            channels: channels)
        guard let base = waiting.baseAddress else { return }
        // At the end of a stream the last sample may reach half a frame beyond the last frame.
        let frames = min(count, chunk.frames)
        if position != nil {
            for index in Int(count) * channels..<max(Int(count), Int(chunk.frames)) * channels
            where index < waiting.count { waiting[index] = 0 }
            ring.push(chunk, from: base)
        }
        let rest = Int(count - frames) * channels
        base.update(from: base + Int(frames) * channels, count: rest)
        count -= frames
    }
}

/// Recognises audio by its first bytes, for files whose name does not say what they are.
package enum AudioSniff {
    /// Whether the file at `path` is a regular file that begins like audio that astd reads on this machine.
    package static func isAudio(path: String) -> Bool {
        guard let (file, status) = try? OwnedDescriptor.open(path: path),
            let kind = ContainerSniff.kind(of: FileAudioBytes(file, size: status.size))
        else { return false }
        switch kind.decoder {
        case .sndfile: return true
        case .ffmpeg: return FFmpeg.isInstalled
        case .none: return false
        }
    }
}

private import Glibc

/// Copies a pipe to a temporary file, for decoders that need to seek.
enum PipeSpool {
    /// Maximum size: 4 GiB, as much as a WAV file can hold.
    static let limitBytes: Int64 = 1 << 32

    /// Reads a pipe to its end. Blocks until then.
    ///
    /// - Returns: The file, and its size in bytes.
    /// - Throws: `system` when reading or writing fails, `unsupported` beyond ``limitBytes``.
    static func spool(
        _ source: OwnedDescriptor, name: String
    ) throws(CaptureError) -> (OwnedDescriptor, Int64) {
        try copy(StreamAudioBytes(descriptor: source.number, stop: StopFlag()), name: name)
    }

    /// A descriptor of the same bytes that a child process of this user can open once more, through `/proc`.
    ///
    /// A file that somebody else has opened and passed on may not be open to this user: it is copied.
    ///
    /// - Throws: As ``spool(_:name:)``.
    static func reopenable(_ file: OwnedDescriptor, name: String) throws(CaptureError) -> OwnedDescriptor {
        let again = open("/proc/self/fd/\(file.number)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        if again >= 0 { return OwnedDescriptor(again) }
        let size = try file.status(name: name).size
        return try copy(FileAudioBytes(file, size: size), name: name).0
    }

    private static func copy(_ bytes: AudioBytes, name: String) throws(CaptureError) -> (
        OwnedDescriptor, Int64
    ) {
        let file = try OwnedDescriptor.temporary()
        var size: Int64 = 0
        while true {
            let block = bytes.read(count: 1 << 18)
            if let number = bytes.failure {
                throw .system(name: name, operation: "read", reason: SystemError.text(number))
            }
            if block.isEmpty { return (file, size) }
            size += Int64(block.count)
            if size > limitBytes {
                throw .unsupported(
                    name: name, wanted: "save it to a file and name the file", found: "more than 4 GiB")
            }
            try write(block, to: file, name: name)
        }
    }

    private static func write(_ block: [UInt8], to file: OwnedDescriptor, name: String) throws(CaptureError) {
        var done = 0
        while done < block.count {
            let put = block.withUnsafeBytes { bytes in
                Glibc.write(file.number, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if put < 0 {
                if errno == EINTR { continue }
                throw OwnedDescriptor.failure(path: name, operation: "write to a temporary file")
            }
            done += put
        }
    }
}

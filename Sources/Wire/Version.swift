/// Version of both programs, as `--version` and the `hello` record tell it.
public let astdVersion = "0.1.0"

/// Version of the socket protocol; it grows only when an old client could misread a new daemon.
public let protocolVersion = 1

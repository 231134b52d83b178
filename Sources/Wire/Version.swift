/// Version of both programs, printed by `--version` and sent in `hello`.
public let astdVersion = "0.1.0"

/// Version of the socket protocol; incremented only when an old client could misread a new daemon.
public let protocolVersion = 1

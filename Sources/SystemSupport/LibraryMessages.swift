private import CSystemSupport

/// Messages that C libraries print on `stderr`.
package enum LibraryMessages {
    /// Runs `body` and drops the messages that libraries print on this thread meanwhile.
    package static func dropped<Value>(during body: () -> Value) -> Value {
        astd_drop_messages(1)
        defer { astd_drop_messages(0) }
        return body()
    }
}

/// Names of sources that are channels: `garden/left` is one of the source `garden`.
public enum ChannelName {
    /// - Returns: The source of which a name is a channel; nil for another name.
    public static func source(of name: String) -> String? {
        name.firstIndex(of: "/").map { String(name[..<$0]) }
    }
}

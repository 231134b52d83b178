private import CSystemSupport

/// What `--version` prints.
public enum BuildVersion {
    /// `astd 0.1.0 (1a2b3c4d5e6f)`, with the commit of a release build from a git checkout.
    public static func text(_ program: String, _ version: String) -> String {
        let commit = String(cString: astd_commit())
        return "\(program) \(version)" + (commit.isEmpty ? "" : " (\(commit))")
    }
}

import DaemonClient
import ArgumentParser
import TextSupport
import Wire

/// The option of commands that concern one source, or all.
struct SourceOption: ParsableArguments {
    @Option(
        name: .customLong("source"),
        help: ArgumentHelp("Only this source of `sources:` in the daemon's settings.", valueName: "name"))
    var name: String?

    /// Checks the name against the daemon's sources.
    func check(_ hello: Hello) throws {
        guard let name, !hello.sources.contains(name) else { return }
        let known =
            hello.sources.isEmpty
            ? "the daemon has one source without a name; leave out --source"
            : "the sources are \(hello.sources.joined(separator: ", "))"
        throw ValidationError(Text.printable("no source '\(name)': \(known)"))
    }

    /// Writes the parameter of a request.
    func writeParameter(_ json: inout JSONWriter) {
        if let name { json.member("source", name) }
    }
}

internal import ArgumentParser
private import Glibc
private import SystemSupport

struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Download a model or an adapter from the Hugging Face hub, and inspect it.",
        discussion: """
            Without a directory, the files are placed in one named after the repository: below /var/lib/astd/models for a \
            member of the group who may write there, else below ~/.local/share/astd/models. --model and --adapter \
            then find it by that name. Sizes and SHA-256 sums are those of the hub; an interrupted download is resumed.

            The token for private and gated repositories is that of --token-file, $HF_TOKEN, the file $HF_TOKEN_PATH, or \
            `hf auth login`. It is sent to the hub only. Needs curl.

            EXAMPLES
              astd pull MIT/ast-finetuned-audioset-10-10-0.4593
              astd run --model ast-finetuned-audioset-10-10-0.4593
              astd pull someone/my-adapters/birds --revision v2   one of its folders
              astd pull https://huggingface.co/someone/my-adapter
              astd pull someone/my-adapter my-adapter --endpoint https://hub.example
            """)

    @Argument(help: "Download this repository: owner/name, owner/name/folder, or its address.")
    var name: String

    @Argument(help: "Place the files in this directory.")
    var directory: String?

    @Option(help: "Download this branch, tag or commit. Default: main")
    var revision: String?

    @Option(help: "Download from this hub or mirror. Default: $HF_ENDPOINT, https://huggingface.co")
    var endpoint: String?

    @Option(help: "Read the token from this file.")
    var tokenFile: String?

    func run() throws {
        guard let script = Self.script() else {
            throw Failure.general(
                "../lib/astd/fetch_model.sh is missing beside this program: install astd again")
        }
        var arguments = [script]
        if let revision { arguments += ["--revision", revision] }
        if let tokenFile { arguments += ["--token-file", tokenFile] }
        if directory == nil {
            guard let parent = StandardPaths().pullDirectory() else {
                throw Failure.usage("$HOME is not set: name a directory behind \(name)")
            }
            arguments += ["--parent", parent]
        }
        arguments += ["--", name] + (directory.map { [$0] } ?? [])
        setenv("ASTD_PULL", "astd pull", 1)
        if let endpoint { setenv("HF_ENDPOINT", endpoint, 1) }
        if let program = Self.program { setenv("ASTD", program.systemPath, 1) }
        signal(SIGPIPE, SIG_DFL)
        Self.replaceProcess(by: script, arguments)
        throw Failure.general("cannot run \(script): \(String(cString: strerror(errno)))")
    }

    /// Returns only when the program cannot be executed.
    private static func replaceProcess(by path: String, _ arguments: [String]) {
        // SAFETY: the copies live until exec replaces this process, or until they are freed here.
        var words = arguments.map { strdup($0.systemPath) }
        words.append(nil)
        execv(path.systemPath, words)
        let code = errno
        for word in words { free(word) }
        errno = code
    }

    /// This program's file.
    private static let program: String? = realpath("/proc/self/exe", nil).map { path in
        defer { free(path) }
        return PathText.text(cString: path)
    }

    /// The script that downloads: beside an installed program, or in the source tree of one that was built.
    private static func script() -> String? {
        guard let program else { return nil }
        let parts = program.split(separator: "/", omittingEmptySubsequences: false)
        var places = [parts.dropLast(2) + ["lib", "astd", "fetch_model.sh"]]
        if let build = parts.lastIndex(of: ".build") {
            places.append(parts[..<build] + ["tools", "fetch_model.sh"])
        }
        return places.map { $0.joined(separator: "/") }.first { access($0.systemPath, X_OK) == 0 }
    }
}

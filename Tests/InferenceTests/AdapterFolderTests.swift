import TestSupport
import Testing

@testable import Inference

/// Adapters one folder deeper, and folders without one.
@Suite struct AdapterFolderTests {
    private static let model = Golden.path("models/stride10")
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func copy(_ adapter: String, to name: String) throws {
        try folder.copy(Golden.path("adapters/\(adapter)"), to: name)
    }

    private func reason(_ name: String) -> String? {
        loadingError(Self.model, adapter: folder.file(name))?.description
    }

    @Test(arguments: ["out/birds", "run/checkpoint-500"])
    func `The only adapter in a folder is taken`(place: String) throws {
        try copy("modern-qv", to: place)
        try folder.write("{}", to: "out/.cache/adapter_config.json")
        try folder.write("{}", to: "run/runs/events.json")
        let outer = folder.file(String(place.prefix { $0 != "/" }))
        for directory in [outer, outer + "/"] {
            let adapter = try Adapter(directory: directory)
            #expect(adapter.directory == folder.file(place))
            #expect(loadingError(Self.model, adapter: directory) == nil)
        }
        #expect(try Adapter.digest(directory: outer) == Adapter.digest(directory: folder.file(place)))
    }

    @Test func `An adapter with checkpoints in its folder is the adapter itself`() throws {
        try copy("modern-qv", to: "run")
        try copy("dora", to: "run/checkpoint-500")
        #expect(try Adapter(directory: folder.file("run")).directory == folder.file("run"))
    }

    @Test func `Of several adapters in a folder none is taken, and all are named`() throws {
        for step in [500, 1000] { try copy("modern-qv", to: "run/checkpoint-\(step)") }
        let run = folder.file("run")
        #expect(
            reason("run")
                == "\(run): no adapter in \(run); there is one in each of \(run)/checkpoint-1000, "
                + "\(run)/checkpoint-500: name one of them")
    }

    @Test func `A folder without an adapter is rejected with what it is instead`() throws {
        try folder.write("x", to: "empty/sub/notes.txt")
        let empty = folder.file("empty")
        #expect(
            reason("empty")
                == "\(empty): no adapter in \(empty), nor in a folder in it: there is no adapter_config.json")
        try folder.copy(Self.model, to: "model")
        #expect(
            reason("model")
                == folder.file("model") + ": a model, not an adapter: it has no adapter_config.json")
        #expect(
            reason("empty/sub/notes.txt")
                == "\(empty)/sub/notes.txt: not a folder; name the folder that holds adapter_config.json")
        #expect(
            reason("nowhere") == folder.file("nowhere")
                + "/adapter_config.json: no such file: there is no directory \(folder.file("nowhere"))")
    }
}

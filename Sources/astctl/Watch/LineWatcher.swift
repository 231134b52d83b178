internal import TextSupport
import Wire

/// `watch` in a pipe: prints every record as the daemon sent it, one per line.
struct LineWatcher {
    let client: ControlClient
    let filter: WatchFilter
    let count: Int?

    func run() throws {
        let parameters = filter.parameters
        _ = try client.request(.subscribe) { parameters.writeMembers(to: &$0) }
        var predictions = 0
        while true {
            guard case .object(let object) = try client.next(withinMilliseconds: 60_000),
                let record = object.members["params"], case .object(let record) = record
            else { continue }
            try Output.standard.write(record.encoded())
            guard record["type"] == .string(LiveRecord.Kind.prediction.rawValue) else { continue }
            predictions += 1
            if predictions == count { return }
        }
    }
}

internal import TextSupport
import Wire

/// `watch` in a pipe: prints every record as the daemon sent it, one per line; with a count, only
/// predictions. What keeps it waiting is reported on standard error.
struct LineWatcher {
    let client: ControlClient
    let filter: WatchFilter
    let count: Int?

    func run() throws {
        let parameters = filter.parameters(count == nil ? nil : [.prediction, .source])
        _ = try client.request(.subscribe) { parameters.writeMembers(to: &$0) }
        var predictions = 0
        var notice = SourceNotice()
        while true {
            guard case .object(let object) = try client.next(withinMilliseconds: 60_000),
                let record = object.members["params"], case .object(let record) = record
            else { continue }
            if let record = try? LiveRecord(record) { try notice.process(record) }
            let isPrediction = record["type"] == .string(LiveRecord.Kind.prediction.rawValue)
            if isPrediction || count == nil { try Output.standard.write(record.encoded()) }
            guard isPrediction else { continue }
            predictions += 1
            if predictions == count { return }
        }
    }
}

internal import DaemonClient
import TextSupport
import Wire

/// `watch` in a pipe: prints every record as the daemon sent it, one per line; with a count, only
/// predictions. What keeps it waiting is reported on standard error.
struct LineWatcher {
    let subscription: LiveSubscription
    let count: Int?

    func run() throws {
        var predictions = 0
        var notice = SourceNotice()
        while true {
            let next = try subscription.next(withinMilliseconds: 1000)
            try notice.process(next, of: subscription)
            switch next {
            case .nothing, .interrupted: continue
            case .resumed(let hello, let resumption):
                // It separates the records of two runs.
                if count == nil, resumption?.isSameRun == false {
                    try Output.standard.write(LiveRecord.hello(hello).encoded())
                }
            case .record(let record, let object):
                var isPrediction = false
                if case .prediction? = record { isPrediction = true }
                if isPrediction || count == nil { try Output.standard.write(object.encoded()) }
                guard isPrediction else { continue }
                predictions += 1
                if predictions == count { return }
            }
        }
    }
}

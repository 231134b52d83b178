import Wire

/// The records one client has yet to read: a bounded queue that counts what it had no room for.
struct Mailbox {
    let form: Subscription.Form
    let limits: EventHub.Limits
    private var lines: [[UInt8]] = []
    private var queuedBytes = 0
    private var lost: UInt64 = 0

    init(form: Subscription.Form, limits: EventHub.Limits) {
        self.form = form
        self.limits = limits
    }

    var isEmpty: Bool { lines.isEmpty && lost == 0 }

    /// Queues a line, or counts it as lost when there is no room.
    ///
    /// - Returns: Whether there was room.
    mutating func put(_ line: [UInt8]) -> Bool {
        guard lines.count + 1 < limits.queueRecords, queuedBytes + line.count <= limits.queueBytes else {
            lost += 1
            return false
        }
        tellLost()
        append(line)
        return true
    }

    /// Notes records that were missed before the next line.
    mutating func miss(_ count: UInt64) {
        lost += count
    }

    /// Takes whole lines off the front: as many as fit `maximumBytes`, but at least one.
    ///
    /// - Returns: The lines in one piece; empty when nothing waits.
    mutating func take(maximumBytes: Int) -> [UInt8] {
        var piece: [UInt8] = []
        var count = 0
        for line in lines {
            guard count == 0 || piece.count + line.count <= maximumBytes else { break }
            piece.append(contentsOf: line)
            count += 1
        }
        lines.removeFirst(count)
        queuedBytes -= piece.count
        if count == 0 && lost > 0 {
            tellLost()
            return take(maximumBytes: maximumBytes)
        }
        return piece
    }

    private mutating func tellLost() {
        guard lost > 0 else { return }
        append(form.line(.lost(Lost(count: lost))))
        lost = 0
    }

    private mutating func append(_ line: [UInt8]) {
        lines.append(line)
        queuedBytes += line.count
    }
}

import Wire

/// The records that one client has not read yet: a bounded queue that counts the records it had to drop.
struct Mailbox {
    let form: Subscription.Form
    let limits: EventHub.Limits
    private var lines: [[UInt8]] = []
    private var queuedBytes = 0
    /// Records lost since the last queued line.
    private var lost: UInt64 = 0

    init(form: Subscription.Form, limits: EventHub.Limits) {
        self.form = form
        self.limits = limits
    }

    var isEmpty: Bool { lines.isEmpty && lost == 0 }

    /// Queues a line, or counts it as lost when the queue is full.
    ///
    /// - Returns: Whether the line was queued.
    mutating func enqueue(_ line: [UInt8]) -> Bool {
        guard lines.count + 1 < limits.queueRecords, queuedBytes + line.count <= limits.queueBytes else {
            lost += 1
            return false
        }
        appendLostRecord()
        append(line)
        return true
    }

    /// Queues a part of the current state, which the number of labels bounds.
    mutating func enqueueState(_ line: [UInt8]) {
        appendLostRecord()
        append(line)
    }

    /// Counts records that were lost before the next line.
    mutating func addLost(_ count: UInt64) {
        lost += count
    }

    /// Dequeues whole lines: as many as fit into `maximumBytes`, but at least one.
    ///
    /// - Returns: The lines in one piece; empty when none is queued.
    mutating func dequeue(maximumBytes: Int) -> [UInt8] {
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
            appendLostRecord()
            return dequeue(maximumBytes: maximumBytes)
        }
        return piece
    }

    private mutating func appendLostRecord() {
        guard lost > 0 else { return }
        append(form.line(.lost(Lost(count: lost))))
        lost = 0
    }

    private mutating func append(_ line: [UInt8]) {
        lines.append(line)
        queuedBytes += line.count
    }
}

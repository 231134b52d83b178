private import Frontend
internal import Inference
internal import Recognizer
internal import Wire

/// The result of one variant for one window.
struct WindowResult {
    var variant: Variant
    var samples: Range<Int64>
    var levelDBFS: Double?
    /// By class index; `nil` for a window that was too quiet to be classified.
    var scores: UnsafeBufferPointer<Float>?
    /// Milliseconds of the forward pass.
    var milliseconds: Double?
}

/// Publishes what the pipeline of a source finds, with the source's name. Engine thread only.
struct RecordPublisher {
    /// `nil` for a single source without a name.
    let source: String?
    /// The channel of a source with `channel: each`; otherwise `nil`.
    let channel: Int?
    let hub: EventHub
    let numbers: RecordNumbers
    private let ranking = Ranking(limit: nil)

    init(source: String?, channel: Int?, hub: EventHub, numbers: RecordNumbers) {
        self.source = source
        self.channel = channel
        self.hub = hub
        self.numbers = numbers
    }

    /// - Parameter unixNanos: Time of the window's last sample.
    func publish(_ result: WindowResult, unixNanos: Int64, latencyMs: Double) {
        numbers.countPrediction()
        let labels = result.scores.map { ranking.best($0) } ?? []
        var prediction = Prediction(
            source: source, seq: numbers.predictions, unixNanos: unixNanos,
            startSample: result.samples.lowerBound, endSample: result.samples.upperBound,
            levelDBFS: result.levelDBFS, latencyMs: latencyMs, passMs: result.milliseconds,
            adapter: result.variant.adapter, isGated: result.scores == nil,
            labels: labels.map {
                ScoredLabel(index: $0.index, label: result.variant.labels[$0.index], score: $0.score)
            })
        prediction.channel = channel
        hub.publish(.prediction(prediction))
    }

    /// - Returns: The record of a begin or an end.
    func publish(_ event: DetectedEvent, _ clock: StreamClock) -> EventRecord? {
        switch event.record(clock, source: source, seq: numbers.predictions) {
        case .event(var record):
            record.channel = channel
            hub.publish(.event(record))
            return record
        case .ongoing(var record):
            record.channel = channel
            hub.publish(.ongoing(record))
        case let record: hub.publish(record)
        }
        return nil
    }

    func publish(_ change: LevelWatch.Change, _ clock: inout StreamClock) {
        switch change {
        case .began(let sound): publish(.begin, sound, at: sound.startSample, &clock)
        case .ended(let sound): publish(.end, sound, at: sound.endSample, &clock)
        }
    }

    private func publish(
        _ state: LevelRecord.State, _ sound: LevelWatch.Sound, at position: Int64, _ clock: inout StreamClock
    ) {
        // The time of the end is not corrected afterwards.
        _ = clock.publish(ofSampleBefore: sound.endSample)
        let milliseconds = clock.milliseconds(from: sound.startSample, to: sound.endSample)
        var record = LevelRecord(
            source: source, state: state, unixNanos: clock.unixNanos(ofSampleBefore: position),
            startSample: sound.startSample, endSample: sound.endSample, levelDBFS: sound.levelDBFS,
            duration: Double(milliseconds) / 1000)
        record.channel = channel
        hub.publish(.level(record))
    }

    /// Publishes the columns that are complete.
    func publish(
        _ spectrum: inout SpectrumMeter?, of features: LiveFeatures, _ planner: WindowPlanner,
        _ clock: StreamClock
    ) {
        while let column = spectrum?.nextColumn(of: features) {
            let start = planner.samples(ofFrames: column.frames).lowerBound
            let end = start + Int64(column.frames.count * FrontendConfig.frameShiftSamples)
            var record = SpectrumRecord(
                source: source, unixNanos: clock.unixNanos(ofSampleBefore: end), startSample: start,
                endSample: end, levels: column.levels)
            record.channel = channel
            hub.publish(.spectrum(record))
        }
    }

    /// - Parameter position: One past the last sample before the hop changed.
    func publish(
        hopSeconds: Double, previousSeconds: Double, passMs: Double?, at position: Int64, _ clock: StreamClock
    ) {
        var record = HopRecord(
            source: source, unixNanos: clock.unixNanos(ofSampleBefore: position), hopSeconds: hopSeconds,
            previousSeconds: previousSeconds, passMs: passMs)
        record.channel = channel
        hub.publish(.hop(record))
    }

    func publish(gaps ranges: [Range<Int64>], _ reason: Gap.Reason) {
        for range in ranges {
            let (start, end) = (range.lowerBound, range.upperBound)
            var gap = Gap(source: source, startSample: start, endSample: end, reason: reason)
            gap.channel = channel
            hub.publish(.gap(gap))
        }
    }
}

import Testing

@testable import Detection

@Suite struct EventDetectorTests {
    private func begin(_ id: UInt64, _ sample: Int64, _ peak: Float, _ label: String = "Siren") -> SoundEvent
    {
        .begin(id: id, label: label, sample: sample, evidence: .none, peak: peak)
    }

    private func end(
        _ id: UInt64, _ begin: Int64, _ sample: Int64, _ peak: Float, _ label: String = "Siren"
    ) -> SoundEvent {
        .end(id: id, label: label, begin: begin, sample: sample, evidence: .none, peak: peak)
    }

    @Test func `Pending events begin at the earliest of the events and hits in progress, or later`() {
        var feed = Feed(hits: 2)
        #expect(feed.detector.earliestPendingBegin == nil)
        _ = feed.update(0.1)
        #expect(feed.detector.earliestPendingBegin == 10)
        _ = feed.update(0.9)
        #expect(feed.detector.earliestPendingBegin == 20, "the first hit")
        #expect(feed.update(0.9, 0.9) == [begin(1, 20, 0.9)])
        #expect(feed.detector.earliestPendingBegin == 20)
        #expect(feed.update(0.1) == [end(1, 20, 40, 0.9)])
        #expect(feed.detector.earliestPendingBegin == 50)
    }

    @Test func `With a longer hop, smoothing covers the same time and earlier scores, with fewer hits`() {
        var feed = Feed(smoothing: 4, hits: 3)
        _ = feed.update(0.2, 0.4, 0.6, 0.8)
        func rule() -> DetectionRule? { feed.detector.explanations(of: "Siren").first?.rule }
        feed.detector.changeHop(to: 20, windowSamples: 20)
        #expect(rule()?.smoothingWindows == 2 && rule()?.minimumHits == 1)
        let smoothed = feed.detector.explanations(of: "Siren").first?.smoothed
        #expect(smoothed.map { abs($0 - 0.7) < 1e-6 } == true)
        feed.detector.setRules(DetectionRules())
        #expect(rule()?.minimumHits == 1)
        feed.detector.changeHop(to: 10, windowSamples: 20)
        #expect(rule()?.smoothingWindows == 1 && rule()?.minimumHits == 2)
    }

    @Test func `Between the thresholds an event continues but does not begin`() {
        var feed = Feed()
        #expect(feed.update(0.4, 0.49) == [])
        #expect(feed.update(0.5, 0.4, 0.9, 0.3) == [begin(1, 30, 0.5)])
        #expect(feed.update(0.29) == [end(1, 30, 60, 0.9)])
        #expect(feed.update(0.4, 0.6) == [begin(2, 90, 0.6)])
    }

    @Test func `Without off an event ends below seven tenths of on, also for logits`() {
        var feed = Feed(on: 0.5, off: nil)
        #expect(feed.update(0.5, 0.36, 0.34) == [begin(1, 10, 0.5), end(1, 10, 20, 0.5)])
        #expect(DetectionRule(on: -2).keepThreshold < -2)
        #expect(DetectionRule(on: 0.4, off: 0.6).keepThreshold == 0.4)
    }

    @Test func `Hits must be consecutive, and the event begins at the first`() {
        var feed = Feed(hits: 3)
        #expect(feed.update(0.9, 0.9, 0.4, 0.6, 0.7) == [])
        #expect(feed.update(0.5) == [begin(1, 40, 0.7)])
        #expect(feed.update(0) == [end(1, 40, 60, 0.7)])
    }

    @Test func `A short dip is merged; a longer one ends the event at its last active window`() {
        var feed = Feed(merge: 2)
        #expect(feed.update(0.9, 0, 0, 0.5) == [begin(1, 10, 0.9)])
        #expect(feed.update(0, 0) == [])
        #expect(feed.update(0) == [end(1, 10, 40, 0.9)])
    }

    @Test func `A fading event needs a hit to recover`() {
        var feed = Feed(merge: 2)
        #expect(feed.update(0.9, 0.1, 0.4, 0.4) == [begin(1, 10, 0.9), end(1, 10, 10, 0.9)])
    }

    @Test func `No event begins in the refractory time after an event`() {
        var feed = Feed(refractory: 3)
        #expect(feed.update(0.9, 0) == [begin(1, 10, 0.9), end(1, 10, 10, 0.9)])
        #expect(feed.update(0.9) == [])
        #expect(feed.detector.explanations(of: "Siren").first?.state == .refractory)
        #expect(feed.update(0.8) == [begin(2, 40, 0.8)])
    }

    @Test func `Thresholds apply to the smoothed score, and the peak is the highest raw or smoothed score`() {
        var feed = Feed(on: 0.5, off: 0.4, smoothing: 3)
        #expect(feed.update(0, 0, 0.9) == [])
        #expect(feed.update(0.75) == [begin(1, 40, 0.75)])
        #expect(feed.update(0, 0) == [end(1, 40, 50, 0.75)])
    }

    @Test func `Only allowed labels make events, and denied labels never do`() {
        var rules = DetectionRules()
        rules.rule = DetectionRule(on: 0.5, minimumHits: 1, mergeGapSeconds: 0)
        rules.allowed = ["a", "b"]
        rules.denied = ["b"]
        rules.exceptions["a"] = DetectionException()
        rules.exceptions["a"]?.on = 0.2
        var feed = Feed(rules, labels: ["a", "b", "c"])
        #expect(feed.update([0.25, 0.9, 0.9], window: 0..<10) == [begin(1, 10, 0.25, "a")])
        #expect(feed.detector.explanations(of: "b").first?.state == .denied)
        #expect(feed.detector.explanations(of: "c").first?.state == .denied)
        #expect(feed.detector.explanations(of: "d").isEmpty)
    }

    @Test func `New rules apply from the next window on and end the events that they do not admit`() {
        var feed = Feed()
        #expect(feed.update(0.9) == [begin(1, 10, 0.9)])
        var rules = DetectionRules()
        rules.denied = ["Siren"]
        feed.detector.setRules(rules)
        #expect(feed.update(0.9) == [end(1, 10, 10, 0.9)])
        rules.denied = []
        rules.rule = DetectionRule(on: 0.2, minimumHits: 1)
        feed.detector.setRules(rules)
        #expect(feed.update(0.2) == [begin(2, 30, 0.2)])
    }

    @Test func `An event continues across a gap that is not longer than the merge gap`() {
        var feed = Feed(merge: 3)
        #expect(feed.update(0.9) == [begin(1, 10, 0.9)])
        #expect(feed.detector.skip(to: 40).map(\.withoutEvidence) == [])
        #expect(feed.update([0.9], window: 40..<60) == [])
        #expect(feed.detector.skip(to: 91).map(\.withoutEvidence) == [end(1, 10, 60, 0.9)])
        #expect(feed.detector.skip(to: 200).map(\.withoutEvidence) == [])
    }

    @Test func `A window far behind its predecessor interrupts consecutive hits and ends the event`() {
        var feed = Feed(hits: 2)
        #expect(feed.update([0.9], window: 0..<20) == [])
        #expect(feed.update([0.9], window: 31..<51) == [])
        #expect(feed.update([0.9], window: 61..<81) == [begin(1, 51, 0.9)])
        #expect(feed.update([0.9], window: 92..<112) == [end(1, 51, 81, 0.9)])
    }

    @Test func `A window that was too quiet is not a hit and ends events`() {
        var feed = Feed(on: -5, off: -6)
        #expect(feed.update(-4, nil) == [begin(1, 10, -4), end(1, 10, 10, -4)])
        let explanation = feed.detector.explanations(of: "Siren").first
        #expect(explanation?.state == .quiet && explanation?.score == nil && explanation?.smoothed == nil)
    }

    @Test func `Each class of a label that occurs twice has its own explanation`() {
        var feed = Feed(DetectionRules(), labels: ["Siren", "Music", "Siren"])
        _ = feed.update([0.125, 0.5, 0.25], window: 0..<10)
        let explanations = feed.detector.explanations(of: "Siren")
        #expect(explanations.map(\.index) == [0, 2])
        #expect(explanations.map(\.score) == [0.125, 0.25])
    }

    @Test func `An explanation follows an event from the first hit to its end`() throws {
        var feed = Feed(hits: 2, merge: 1)
        func state() throws -> DetectionExplanation {
            try #require(feed.detector.explanations(of: "Siren").first)
        }
        #expect(try state().state == .pending)
        _ = feed.update(0.1)
        #expect(try state().state == .below)
        _ = feed.update(0.6)
        #expect(try state().state == .rising && state().hits == 1)
        _ = feed.update(0.8)
        #expect(try state().state == .active && state().id == 1 && state().begin == 20 && state().peak == 0.8)
        #expect(try state().hits == 2, "those with which the event began")
        _ = feed.update(0.2)
        #expect(try state().state == .fading && state().lastActive == 30 && state().score == 0.2)
        _ = feed.update(0.2)
        #expect(try state().state == .below && state().id == nil && state().position == 50)
        #expect(feed.detector.finish().map(\.withoutEvidence) == [])
        #expect(try state().state == .pending && state().smoothed == nil && state().position == 50)
    }

    @Test func `The event of a silent source ends where it was last heard, once the merge gap has passed`() {
        var feed = Feed(merge: 2)
        #expect(feed.update(0.9) == [begin(1, 10, 0.9)])
        #expect(feed.detector.expire(at: 30, heardUntil: 12).map(\.withoutEvidence) == [])
        #expect(feed.detector.expire(at: 31, heardUntil: 12).map(\.withoutEvidence) == [end(1, 10, 10, 0.9)])
        #expect(feed.detector.expire(at: 99, heardUntil: 12).map(\.withoutEvidence) == [])
        // The window 0..<20 still contains the sound of that event; the window 20..<40 does not.
        #expect(feed.update(0.9) == [])
        let explanation = feed.detector.explanations(of: "Siren").first
        #expect(explanation?.state == .refractory && explanation?.containsEndedSound == true)
        #expect(feed.update(0.9) == [])
        #expect(feed.update(0.9) == [begin(2, 40, 0.9)])
    }

    @Test func `Each label of a silent source has its own merge gap`() {
        var rules = DetectionRules()
        rules.rule = DetectionRule(on: 0.5, minimumHits: 1, mergeGapSeconds: 1)
        rules.exceptions["b"] = DetectionException()
        rules.exceptions["b"]?.mergeGapSeconds = 5
        var feed = Feed(rules, labels: ["a", "b"])
        #expect(feed.update([0.9, 0.9], window: 0..<20).count == 2)
        #expect(
            feed.detector.expire(at: 31, heardUntil: 20).map(\.withoutEvidence) == [end(1, 20, 20, 0.9, "a")])
        // An event that has not ended continues when the source is back in time.
        #expect(feed.update([0, 0.9], window: 20..<40) == [])
        #expect(feed.detector.finish().map(\.withoutEvidence) == [end(2, 20, 40, 0.9, "b")])
    }

    @Test func `An event begins when its sound is long enough; its begin is the first hit's in any case`() {
        // Windows of 2 s every second: a sound in n of them lasts 0 to n - 1 seconds, if n is at most 3, and
        // n - 3 to n - 1 seconds, if it is more.
        var feed = Feed(hits: 2, duration: 1.5)
        #expect(feed.update(0, 0.9, 0.9, 0.9, 0, 0) == [], "0 to 2 s")
        #expect(feed.update(0.9, 0.9, 0.9) == [])
        #expect(feed.update(0.9) == [begin(1, 70, 0.9)], "1 to 3 s")
        #expect(feed.update(0) == [end(1, 70, 100, 0.9)])
    }

    @Test func `A sound that is not long enough yet continues like an event, and is forgotten like one`() {
        var feed = Feed(hits: 2, duration: 1.5, merge: 1, refractory: 60)
        #expect(feed.update(0, 0.9, 0.8, 0.4, 0.1, 0.3, 0.3) == [])
        #expect(feed.detector.eventsInProgress.isEmpty)
        #expect(feed.detector.finish().map(\.withoutEvidence) == [])
        // No refractory time follows; a dip that is merged is part of the sound.
        #expect(feed.update(0, 0.9, 0.9, 0.1, 0.9) == [begin(1, 90, 0.9)])
        #expect(feed.detector.finish().map(\.withoutEvidence) == [end(1, 90, 120, 0.9)])
    }

    @Test func `Without a window before it, a sound may begin where its first window does`() {
        var feed = Feed(hits: 1, duration: 1.5)
        #expect(feed.update(0.9, 0.9) == [], "0 to 2 s")
        #expect(feed.update(0.9) == [begin(1, 10, 0.9)], "0 to 3 s")
    }

    @Test func `An explanation has the estimated duration of a sound that is not long enough`() throws {
        var feed = Feed(hits: 2, duration: 1.5)
        func explanation() throws -> DetectionExplanation {
            try #require(feed.detector.explanations(of: "Siren").first)
        }
        _ = feed.update(0)
        #expect(try explanation().estimatedDurationSeconds == nil)
        _ = feed.update(0.9, 0.9, 0.9)
        #expect(try explanation().state == .rising && explanation().hits == 2)
        #expect(try explanation().estimatedDurationSeconds == 1)
        _ = feed.update(0.9)
        #expect(try explanation().state == .active)
        #expect(try explanation().estimatedDurationSeconds == 2)
    }

    @Test func `An event counts its windows and the hits among them`() {
        var feed = Feed(hits: 2, merge: 2)
        _ = feed.update(0.9, 0.9, 0.4, 0.1, 0.9, 0.1, 0.1, 0.1)
        #expect(feed.evidence.map(\.hits) == [2, 3])
        #expect(feed.evidence.map(\.windows) == [2, 5], "to the last active one")
    }

    @Test func `At the end every event ends`() {
        var feed = Feed()
        #expect(feed.update(0.9, 0.9) == [begin(1, 10, 0.9)])
        #expect(feed.detector.finish().map(\.withoutEvidence) == [end(1, 10, 20, 0.9)])
        #expect(feed.detector.finish().map(\.withoutEvidence) == [])
    }

    @Test func `The detector behaves as the documentation's picture shows`() {
        var feed = Feed(on: 0.5, off: 0.35, hits: 2, merge: 2, refractory: 6)
        // As in tools/draw_detection.py, with the record's window and the event's times in seconds.
        let scores: [Float] = [
            0.10, 0.20, 0.62, 0.30, 0.55, 0.80, 0.90, 0.45, 0.40, 0.20, 0.25, 0.70, 0.60, 0.38, 0.20, 0.15,
            0.10,
            0.60, 0.65, 0.30, 0.10, 0.20, 0.70, 0.75, 0.50, 0.30,
        ]
        var reported: [Int: [SoundEvent]] = [:]
        for (index, score) in scores.enumerated() {
            let events = feed.update(score)
            if !events.isEmpty { reported[index + 1] = events }
        }
        #expect(reported == [6: [begin(1, 50, 0.8)], 17: [end(1, 50, 140, 0.9)], 24: [begin(2, 230, 0.75)]])
    }

    @Test func `An event that continues is reported again after each repeat_after, in windows that keep it`()
    {
        func again(_ sample: Int64, _ peak: Float) -> SoundEvent {
            .ongoing(id: 1, label: "Siren", begin: 20, sample: sample, evidence: .none, peak: peak)
        }
        var feed = Feed(hits: 2, merge: 3, again: 2)
        #expect(feed.update(0, 0.9, 0.8) == [begin(1, 20, 0.9)])
        #expect(feed.update(0.6) == [])
        #expect(feed.update(0.6, 0.6, 0.6, 0.95) == [again(50, 0.9), again(70, 0.9)])
        // It may have ended: nothing is reported before it is heard again.
        #expect(feed.update(0.1, 0.1) == [])
        #expect(feed.update(0.7) == [again(110, 0.95)])
        #expect(feed.evidence.last?.windows == 10 && feed.evidence.last?.hits == 8)
        #expect(feed.update(0, 0, 0, 0) == [end(1, 20, 110, 0.95)])
    }

    @Test func `A sound that is too short for an event is not reported again`() {
        var feed = Feed(duration: 4, merge: 3, again: 1)
        #expect(feed.update(0, 0.9, 0.9, 0.9) == [])
        let events = feed.update(0.9, 0.9, 0.9, 0.9)
        #expect(events.first.map { if case .begin = $0 { true } else { false } } == true)
        #expect(
            events.count > 1
                && events.dropFirst().allSatisfy { if case .ongoing = $0 { true } else { false } })
    }

    /// For any scores, gaps and rules: begins and ends alternate, ids are unique, time increases.
    @Test func `Begins and ends alternate for each label`() {
        var seed: UInt64 = 42
        func random(_ count: UInt64) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % count)
        }
        for _ in 0..<50 {
            var rules = DetectionRules()
            rules.rule = DetectionRule(
                on: Float(random(10)) / 10, off: random(2) == 0 ? nil : Float(random(10)) / 10,
                smoothingWindows: 1 + random(4), minimumHits: 1 + random(3),
                minimumDurationSeconds: Double(random(4)), mergeGapSeconds: Double(random(5)),
                refractorySeconds: Double(random(5)), repeatAfterSeconds: Double(random(4)))
            let labels = ["a", "b", "c"]
            var feed = Feed(rules, labels: labels)
            var (position, open, ended) = (Int64(0), [String: UInt64](), [String: Int64]())
            var ids: Set<UInt64> = []
            var all: [SoundEvent] = []
            for _ in 0..<300 {
                position += random(20) == 0 ? Int64(random(100)) : 10
                let scores = labels.map { _ in Float(random(100)) / 100 }
                all += feed.update(random(15) == 0 ? nil : scores, window: position - 20..<position)
                if random(30) == 0 { all += feed.detector.skip(to: position) }
            }
            all += feed.detector.finish()
            for event in all {
                switch event {
                case .begin(let id, let label, let sample, _, _):
                    #expect(open[label] == nil && ids.insert(id).inserted)
                    #expect(sample >= ended[label] ?? .min)
                    open[label] = id
                case .ongoing(let id, let label, let begin, let sample, _, let peak):
                    #expect(open[label] == id && begin <= sample && peak >= rules.rule.on)
                case .end(let id, let label, let begin, let sample, _, let peak):
                    #expect(open[label] == id && begin <= sample && peak >= rules.rule.on)
                    open[label] = nil
                    ended[label] = sample
                }
            }
            #expect(open.isEmpty)
        }
    }
}

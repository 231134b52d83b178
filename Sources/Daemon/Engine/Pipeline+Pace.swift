private import Frontend
private import Inference
private import Logging
internal import Recognizer
private import Wire

/// Whether the windows keep up with the stream, and the hop that follows it. Engine thread only.
extension Pipeline {
    /// What this stream asks for, by its last passes.
    var load: PassLoad.Stream {
        PassLoad.Stream(
            hopSeconds: overloadDetector.hopMilliseconds / 1000, passSeconds: passSeconds,
            isAdaptive: hopController != nil)
    }

    /// Adapts the hop after a window.
    ///
    /// - Parameter seconds: The shortest hop that the machine keeps, by ``PassLoad/adaptiveHopSeconds``.
    func adaptHop(demandSeconds seconds: Double) {
        if hopController?.process(demandSeconds: seconds) == true { hopChanged() }
    }

    /// Keeps the hop within the window's length.
    func limitHop() {
        if hopController?.limit(longest: variants.longestWindowFrames) == true { hopChanged() }
    }

    private func hopChanged() {
        guard let frames = hopController?.hopFrames else { return }
        let previous = overloadDetector.hopMilliseconds / 1000
        let shift = FrontendConfig.frameShiftSamples
        planner.change(hopFrames: frames)
        detection.changeHop(
            to: Int64(frames * shift), windowSamples: Int64(variants.longestWindowFrames * shift))
        overloadDetector.change(hopFrames: frames)
        counters.hopFrames = frames
        shareCounters()
        let hop = overloadDetector.hopMilliseconds / 1000
        let pass = passSeconds > 0 ? 1000 * passSeconds : nil
        let reason = pass.map { ": the passes of a window take \(Int($0.rounded())) ms" } ?? ""
        logger.info("\(label)hop \(previous) s -> \(hop) s\(reason)")
        records.publish(
            hopSeconds: hop, previousSeconds: previous, passMs: pass, at: planner.endSample, clock)
    }

    func watchGate(_ window: WindowPlanner.Window, isGated: Bool) {
        condition.isGated = isGated
        // The log has said why a muted source is below the gate.
        guard let gate, !condition.isMuted else { return }
        let end = window.samples.upperBound
        let limit = gate.thresholdDBFS
        if let message = gateLog.process(windowEnd: end, isGated: isGated, thresholdDBFS: limit) {
            logger.info("\(label)\(message)")
        }
    }

    func watchOverload(_ window: WindowPlanner.Window, milliseconds: Double) {
        switch overloadDetector.process(windowEnd: window.samples.upperBound, skipped: window.skippedWindows)
        {
        case .began:
            let message = StreamCondition.overload(
                passMilliseconds: milliseconds, hopMilliseconds: overloadDetector.hopMilliseconds,
                isQuantized: variants.allSatisfy { $0.network.precision == .int8 })
            condition.overload = message
            logger.warning("\(label)\(message)")
        case .ended(let skippedWindows, let seconds):
            condition.overload = nil
            logger.warning(
                "\(label)\(skippedWindows) windows were skipped in \(seconds) s; none are any more")
        case nil: break
        }
    }

    /// What precedes the log lines of a source with a name.
    var label: String { name.map { "source \($0): " } ?? "" }
}

extension Pipeline.Configuration {
    /// `nil`: the hop does not change.
    func hopController(windowFrames: Int) -> HopController? {
        // A source that waits loses nothing, and a hop beyond the window is chosen on purpose.
        guard adaptsHop, !source.waitsForReader, hopFrames < windowFrames else { return nil }
        return HopController(range: hopFrames...windowFrames)
    }
}

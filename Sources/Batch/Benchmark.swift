private import Capture
private import Frontend
private import Inference
public import Recognizer
private import TextSupport

/// Measures how long windows take, with synthetic noise.
public struct Benchmark {
    public struct Report: Sendable {
        var windowMilliseconds: [Double]
        /// Time of each stage per window, averaged over windows and threads.
        var stageMilliseconds: [(name: String, time: Double)]
        var frontendMilliseconds: Double
        /// Time to compute the features of `featureSeconds` of audio on one core, with resampling, by sample
        /// rate.
        var features: [(rateHz: Int, milliseconds: Double)]
        var featureSeconds: Int
        var loadMilliseconds: Double
        var windowSeconds: Double
        var threads: Int
        var precision: String
        var kernels: String
        var residentBytes: Int
        var anonymousBytes: Int

        private var best: Double { windowMilliseconds.min() ?? 0 }

        /// One JSON object.
        public var json: String {
            let text = JSONText { json in
                json.object { json in
                    json.key("window_ms")
                    json.array { json in for time in windowMilliseconds { json.number(time, decimals: 3) } }
                    json.key("stages")
                    json.object { json in
                        for (name, time) in stageMilliseconds { json.member(name, time, decimals: 3) }
                    }
                    json.member("window_seconds", windowSeconds, decimals: 2)
                    json.member("frontend_ms", frontendMilliseconds, decimals: 3)
                    json.member("features_seconds", featureSeconds)
                    json.key("features_ms")
                    json.object { json in
                        for (rateHz, time) in features { json.member("\(rateHz)", time, decimals: 1) }
                    }
                    json.member("load_ms", loadMilliseconds, decimals: 3)
                    json.member("threads", threads)
                    json.member("precision", precision)
                    json.member("kernels", kernels)
                    json.member("rss_bytes", residentBytes)
                    json.member("anonymous_bytes", anonymousBytes)
                }
            }
            return String(decoding: text.bytes, as: UTF8.self)
        }

        public var text: String {
            func fixed(_ value: Double, _ decimals: Int = 1) -> String {
                FixedDecimals.text(value, decimals: decimals) ?? "?"
            }
            let sorted = windowMilliseconds.sorted()
            let stages = stageMilliseconds.map { "\($0.name) \(fixed($0.time))" }.joined(separator: ", ")
            let features = features.map { rateHz, time in
                let speed = Double(featureSeconds) * 1000 / time
                return
                    "\(fixed(Double(rateHz) / 1000)) kHz in \(fixed(time / 1000, 2)) s (\(fixed(speed, 0)) x)"
            }
            return """
                load            \(fixed(loadMilliseconds)) ms
                window          \(fixed(best)) ms best, \(fixed(sorted[sorted.count / 2])) ms median of \(sorted.count) \
                (\(fixed(windowSeconds, 2)) s of audio, \(precision), \(threads) threads, \(kernels))
                of which        \(stages) ms per thread on average
                front end       \(fixed(frontendMilliseconds, 2)) ms per window of audio
                features        of \(featureSeconds) s on one core, resampled: \(features.joined(separator: ", "))
                real time       \(fixed(windowSeconds * 1000 / best)) x with windows end to end
                shortest hop    \(fixed(best / 1000, 2)) s
                memory          \(fixed(Double(anonymousBytes) / 1e6)) MB private, \
                \(fixed(Double(residentBytes) / 1e6)) MB resident with the mapped weights
                """
        }
    }

    /// - Parameters:
    ///   - loadMilliseconds: Time of loading the model, for the report.
    ///   - featureSeconds: Length of the audio whose features are timed.
    public static func run(
        _ scorer: WindowScorer, windows: Int, loadMilliseconds: Double, featureSeconds: Int = 3600
    ) -> Report {
        let variant = scorer.variants[0]
        let config = variant.frontend
        let features = LiveFeatures(for: scorer.variants)
        var random = SystemRandomNumberGenerator()
        let samples = (0..<config.windowSamples).map { _ in Float.random(in: -0.3...0.3, using: &random) }
        let clock = ContinuousClock()
        let frontend = clock.measure { samples.withUnsafeBufferPointer { features.append($0) } }
        _ = scorer.score(variant, features: features.window(of: variant, from: 0))
        let stopwatch = Stopwatch(workers: scorer.engine.threads)
        scorer.engine.stopwatch = stopwatch
        defer { scorer.engine.stopwatch = nil }
        let times = (0..<windows).map { _ in
            clock.measure { _ = scorer.score(variant, features: features.window(of: variant, from: 0)) }
                / .milliseconds(1)
        }
        let memory = ProcessMemory.current()
        return Report(
            windowMilliseconds: times,
            stageMilliseconds: Stopwatch.Stage.allCases.map {
                ($0.rawValue, stopwatch.milliseconds($0) / Double(windows))
            }, frontendMilliseconds: frontend / .milliseconds(1),
            features: [16_000, 44_100, 48_000].compactMap { rate in
                featureMilliseconds(config, seconds: featureSeconds, rateHz: rate).map {
                    (rate, $0)
                }
            }, featureSeconds: featureSeconds,
            loadMilliseconds: loadMilliseconds,
            windowSeconds: Double(config.windowFrames * FrontendConfig.frameShiftSamples) / 16000,
            threads: scorer.engine.threads, precision: variant.network.precision.rawValue,
            kernels: scorer.engine.kernelName,
            residentBytes: memory.residentBytes, anonymousBytes: memory.anonymousBytes)
    }

    /// Time to compute the features of `seconds` of audio on this thread; `nil` when the resampler fails.
    private static func featureMilliseconds(
        _ config: FrontendConfig, seconds: Int, rateHz: Int
    ) -> Double? {
        let features = SlidingFeatures(config)
        var random = SystemRandomNumberGenerator()
        let block = (0..<rateHz / 10).map { _ in Float.random(in: -0.3...0.3, using: &random) }
        var resampled = [Float](repeating: 0, count: 1600)
        let isResampled = rateHz != FrontendConfig.sampleRateHz
        let resampler = isResampled ? try? Resampler(from: rateHz, name: "the benchmark") : nil
        guard isResampled == (resampler != nil) else { return nil }
        return ContinuousClock().measure {
            block.withUnsafeBufferPointer { block in
                resampled.withUnsafeMutableBufferPointer { resampled in
                    for _ in 0..<10 * seconds {
                        var rest = block
                        while let resampler, !rest.isEmpty {
                            let (consumed, produced) = resampler.process(rest, into: resampled)
                            rest = UnsafeBufferPointer(rebasing: rest[consumed...])
                            features.append(UnsafeBufferPointer(rebasing: resampled[..<produced]))
                        }
                        if resampler == nil { features.append(block) }
                    }
                }
            }
        } / .milliseconds(1)
    }
}

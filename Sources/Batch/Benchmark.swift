private import Frontend
private import Inference
public import Recognizer
private import Wire

/// How long windows take, measured on synthetic noise.
public struct Benchmark {
    public struct Report: Sendable {
        var windowMilliseconds: [Double]
        /// Of the mean window, by stage, mean over the threads.
        var stageMilliseconds: [(name: String, time: Double)]
        var frontendMilliseconds: Double
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
            return """
                load            \(fixed(loadMilliseconds)) ms
                window          \(fixed(best)) ms best, \(fixed(sorted[sorted.count / 2])) ms median of \(sorted.count) \
                (\(fixed(windowSeconds, 2)) s of audio, \(precision), \(threads) threads, \(kernels))
                of which        \(stages) ms a thread on average
                front end       \(fixed(frontendMilliseconds, 2)) ms per window of audio
                real time       \(fixed(windowSeconds * 1000 / best)) x with windows end to end
                shortest hop    \(fixed(best / 1000, 2)) s
                memory          \(fixed(Double(anonymousBytes) / 1e6)) MB of its own, \
                \(fixed(Double(residentBytes) / 1e6)) MB resident with the mapped weights
                """
        }
    }

    /// - Parameter loadMilliseconds: What loading took, for the report.
    public static func run(_ recognizer: Recognizer, windows: Int, loadMilliseconds: Double) -> Report {
        let config = recognizer.features.config
        var random = SystemRandomNumberGenerator()
        let samples = (0..<config.windowSamples).map { _ in Float.random(in: -0.3...0.3, using: &random) }
        recognizer.features.reset()
        let clock = ContinuousClock()
        let frontend = clock.measure { samples.withUnsafeBufferPointer { recognizer.features.append($0) } }
        let variant = recognizer.variants[0]
        _ = recognizer.classify(variant, windowFrom: 0)
        let stopwatch = Stopwatch(workers: recognizer.engine.threads)
        recognizer.engine.stopwatch = stopwatch
        defer { recognizer.engine.stopwatch = nil }
        let times = (0..<windows).map { _ in
            clock.measure { _ = recognizer.classify(variant, windowFrom: 0) } / .milliseconds(1)
        }
        let memory = ProcessMemory.current()
        return Report(
            windowMilliseconds: times,
            stageMilliseconds: Stopwatch.Stage.allCases.map {
                ($0.rawValue, stopwatch.milliseconds($0) / Double(windows))
            }, frontendMilliseconds: frontend / .milliseconds(1),
            loadMilliseconds: loadMilliseconds,
            windowSeconds: Double(config.windowFrames * FrontendConfig.frameShiftSamples) / 16000,
            threads: recognizer.engine.threads, precision: variant.network.precision.rawValue,
            kernels: recognizer.engine.kernelName,
            residentBytes: memory.residentBytes, anonymousBytes: memory.anonymousBytes)
    }
}

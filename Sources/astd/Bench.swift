internal import ArgumentParser
internal import Batch
internal import Recognizer

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how long a window takes on this machine.",
        discussion: """
            EXAMPLE
              astd bench --threads 2 --windows 10
            """)

    @OptionGroup var modelArguments: ModelArguments

    @Option(help: "Time this number of windows, after one warm-up window.")
    var windows = 5

    @Flag(help: "Print one JSON object instead of text.")
    var json = false

    func validate() throws {
        if !(1...10000).contains(windows) {
            throw ValidationError("--windows is \(windows): give 1 to 10000")
        }
    }

    func run() throws {
        let began = ContinuousClock.now
        let scorer = try modelArguments.load(activation: nil)
        let loaded = ContinuousClock.now - began
        let report = Benchmark.run(scorer, windows: windows, loadMilliseconds: loaded / .milliseconds(1))
        print(json ? report.json : report.text)
    }
}

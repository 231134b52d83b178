internal import ArgumentParser
internal import Glibc
internal import Inference
internal import Recognizer
internal import SystemSupport
internal import TextSupport

struct Selftest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare this build on this machine with stored reference numbers, stage by stage.",
        discussion: """
            The reference is a small model with numbers that transformers computed from it. The element-wise, GEMM \
            and attention kernels chosen for this processor are also compared with reference kernels. The exit \
            status is 1 when a difference is too large.

            With --model, that model is compared in int8 with itself in fp32, on built-in windows of silence, noise, \
            tones and speech. Above a limit, --precision auto computes it in fp32.

            EXAMPLES
              astd selftest
              astd selftest --model models/default
            """)

    @Option(
        help:
            "Read the reference from this directory. Default: models/selftest, /var/lib/astd/..., /usr/share/astd/..."
    )
    var reference: String?

    @Option(help: "Compare the model in this directory in int8 with fp32 instead.")
    var model: String?

    func run() throws {
        if let model { return try compare(model) }
        let directory =
            reference
            ?? SelfTest.standardPlaces.first { access(($0 + "/reference.safetensors").systemPath, F_OK) == 0 }
        guard let directory else {
            throw Failure.noModel(
                "no reference in \(SelfTest.standardPlaces.joined(separator: ", ")): name one with --reference"
            )
        }
        var allPass = true
        for precision in Precision.allCases {
            guard precision.isFast else {
                print("\(precision.rawValue): this processor has no instructions for it")
                continue
            }
            do throws(ModelError) {
                let lines =
                    SelfTest.kernels(precision) + (try SelfTest(directory: directory).stages(precision))
                for line in lines {
                    print(Self.text(precision, line))
                    allPass = allPass && line.holds
                }
            } catch {
                throw Failure.model(error)
            }
        }
        guard allPass else {
            throw Failure.general(
                "self-test failed: wrong results on this CPU; use another build")
        }
    }

    private func compare(_ model: String) throws {
        guard SelfTest.fastestThatHolds() == .int8 else {
            return print("\(model): fp32, this processor has no fast instructions for int8")
        }
        let options = RecognizerOptions(
            model: model, threads: Processors.usableCount, precision: .int8, checksPrecision: true)
        do throws(ModelError) {
            let network = try options.baseModel().network
            print("\(model): \(network.precision.rawValue): \(network.comparison?.text ?? "")")
        } catch {
            throw Failure.model(error)
        }
    }

    private static func text(_ precision: Precision, _ line: SelfTest.Line) -> String {
        func number(_ value: Double) -> String { FixedDecimals.text(value, decimals: 7) ?? "\(value)" }
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        return padded(precision.rawValue, 6) + padded(line.name, 26) + padded(number(line.difference), 12)
            + "of \(padded(number(line.tolerance), 11)) \(line.holds ? "holds" : "FAILS")"
    }
}

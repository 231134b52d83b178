internal import ArgumentParser
internal import Glibc
internal import Inference
internal import Recognizer
internal import TextSupport
private import SystemSupport

struct Selftest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare this build on this machine with stored reference numbers, stage by stage.",
        discussion: """
            The reference is a small model with numbers that transformers computed from it. The element-wise, GEMM \
            and attention kernels chosen for this processor are also compared with reference kernels. The exit \
            status is 1 when a difference is too large.

            EXAMPLE
              astd selftest
            """)

    @Option(
        help:
            "Read the reference from this directory. Default: models/selftest, /var/lib/astd/..., /usr/share/astd/..."
    )
    var reference: String?

    func run() throws {
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

    private static func text(_ precision: Precision, _ line: SelfTest.Line) -> String {
        func number(_ value: Double) -> String { FixedDecimals.text(value, decimals: 7) ?? "\(value)" }
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        return padded(precision.rawValue, 6) + padded(line.name, 26) + padded(number(line.difference), 12)
            + "of \(padded(number(line.tolerance), 11)) \(line.holds ? "holds" : "FAILS")"
    }
}

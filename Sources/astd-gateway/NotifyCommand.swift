internal import ArgumentParser
internal import Gateway
internal import Glibc
internal import SystemSupport
internal import Wire

struct NotifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Try the rules of `notify` with an invented event.",
        discussion: """
            Prints what each rule does with the event. Cool-down and first_of_day are ignored, quiet hours are not.

            EXAMPLES
              astd-gateway notify --label Siren --duration 3
              astd-gateway notify --label Siren --at '2026-03-29 02:30'
              astd-gateway notify --rule phone --test        run or send it
            """)

    @OptionGroup var settingsArguments: SettingsArguments

    @Option(help: ArgumentHelp("Only this rule; repeatable.", valueName: "name"))
    var rule: [String] = []

    @Option(help: "The event's label. Default: the first of each rule.")
    var label: String?

    @Option(help: "The event's daemon. Default: the first of the settings.")
    var daemon: String?

    @Option(help: "The event's highest score.")
    var score: Float = 1

    @Option(help: ArgumentHelp("The event's duration. Default: 60.", valueName: "seconds"))
    var duration: Double = 60

    @Option(help: ArgumentHelp("When the event begins. Default: now.", valueName: "time"))
    var at: String?

    @Flag(help: "Run the programs and send the requests of the rules that notify.")
    var test = false

    func validate() throws {
        if !(0...86_400).contains(duration) { throw ValidationError("--duration must be from 0 to 86400") }
        if !score.isFinite { throw ValidationError("--score must be a number") }
    }

    func run() throws {
        let settings = try settingsArguments.load().settings
        if settings.notify.isEmpty { throw Failure.general("the settings have no rules: add notify") }
        for name in rule where !settings.notify.contains(where: { $0.name == name }) {
            let names = settings.notify.map(\.name).joined(separator: ", ")
            throw Failure.usage("--rule \(name): no such rule; expected one of: \(names)")
        }
        let begin = try at.map { try TimeArgument.parse($0, option: "--at") } ?? .now
        let event = NotifyTest.Event(
            label: label, daemon: daemon ?? settings.daemons[0].name, score: score, durationSeconds: duration,
            begin: begin)
        let results = NotifyTest(settings).results(for: event, rules: rule, sends: test)
        let output = TextOutput()
        for result in results { output.line(PathText.printable(Self.line(result, isSent: test))) }
        try output.finish()
        if results.contains(where: \.isFailure) { throw ExitCode(1) }
    }

    private static func line(_ result: NotifyTest.Result, isSent: Bool) -> String {
        guard let message = result.message else {
            return "\(result.rule): no notification of \(result.label): \(result.answer)"
        }
        if result.isFailure { return "\(result.rule): failed: \(result.answer)" }
        return isSent
            ? "\(result.rule): \(result.answer): \(message)" : "\(result.rule): notifies: \(message)"
    }
}

internal import ArgumentParser
internal import Recognizer

/// The options for clock times of recordings.
struct ClockArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "When the recording began, such as 2024-05-01T05:30:00 or 2024-05-01T05:30:00+02:00. Default: as its metadata (GUANO, BEXT) or its name says.",
            valueName: "time"))
    var startTime: String?

    @Option(
        help: ArgumentHelp(
            "Zone of times that are written without one: UTC, local, an offset such as +02:00, or a name such as Europe/Berlin.",
            valueName: "zone"))
    var timeZone = "local"

    /// Ends the program when an option is wrong.
    func clock() throws -> RecordingClock {
        do throws(RecordingClock.Refusal) {
            return try RecordingClock(zone: timeZone, start: startTime)
        } catch {
            switch error {
            case .unknownZone:
                throw ValidationError(
                    "--time-zone \(timeZone) is unknown: give UTC, local, +02:00 or a name such as Europe/Berlin"
                )
            case .badStart:
                throw ValidationError(
                    "--start-time \(startTime ?? "") is not a time: give 2024-05-01T05:30:00, with +02:00 or Z at its end for another zone"
                )
            }
        }
    }
}

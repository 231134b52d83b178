import ArgumentParser
import TextSupport
import Wire

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print the daemon's numbers as Prometheus reads them.",
        discussion: """
            EXAMPLES
              astctl metrics | grep latency
              while :; do astctl metrics | curl --data-binary @- http://push:9091/metrics/job/astd; sleep 15; done

            For node_exporter the daemon writes a file itself: metrics.file in its configuration.
            """)

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object("metrics")
        let text = try client.understand(reply) { json throws(JSONError) in try json.requiredString("text") }
        try Output.standard.write(text)
    }
}

import DaemonClient
import ArgumentParser
import TextSupport
import Wire

struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print metrics in Prometheus text format.",
        discussion: """
            EXAMPLES
              astctl metrics | grep latency
              astctl metrics | curl --data-binary @- http://push:9091/metrics/job/astd

            For node_exporter, the daemon can write a file itself: set metrics.file in its configuration.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var source: SourceOption

    func run() throws {
        let client = try connection.connect()
        let reply = try client.object(.metrics) { source.writeParameter(&$0) }
        let text = try client.decode(reply) { json throws(JSONError) in try json.requiredString("text") }
        try Output.standard.write(Text.printableLines(text))
    }
}

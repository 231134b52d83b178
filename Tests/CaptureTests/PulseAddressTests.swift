import Capture
import SystemSupport
import Testing

@Suite struct PulseAddressTests {
    private func message(_ server: String?, _ variables: [String: String], lastTried: String? = nil) -> String
    {
        let address = PulseAddress(server, environment: Environment(variables), lastTried: lastTried)
        return CaptureError.noServer(server: address, reason: "Connection refused").description
    }

    @Test func `An error names the server that PULSE_SERVER names, and advises to correct it`() {
        for server in ["unix:/nope", "tcp:192.0.2.7", "{{{"] {
            #expect(
                message(nil, ["PULSE_SERVER": server, "XDG_RUNTIME_DIR": "/run/user/7"])
                    == "no PulseAudio server answers at \(server) (Connection refused): correct PULSE_SERVER, "
                    + "which names it, or start that server")
        }
    }

    @Test func `Without PULSE_SERVER it names the socket of the user's own server`() {
        let session = ["XDG_RUNTIME_DIR": "/run/user/7"]
        let advice = "start one with `pulseaudio --start` or pipewire-pulse, or set PULSE_SERVER"
        for last in [nil, "/var/run/pulse/native", "unix:/run/pulse/native"] {
            #expect(
                message(nil, session, lastTried: last)
                    == "no PulseAudio server answers at /run/user/7/pulse/native (Connection refused): \(advice)"
            )
        }
        #expect(message(nil, ["PULSE_RUNTIME_PATH": "/tmp/p"]).contains("at /tmp/p/native ("))
        // client.conf names another server; there is no session.
        #expect(message(nil, session, lastTried: "tcp:studio").contains("at tcp:studio ("))
        #expect(message(nil, [:], lastTried: "/var/run/pulse/native").contains("at /var/run/pulse/native ("))
        #expect(message("unix:/given", ["PULSE_SERVER": "unix:/nope"]).contains("at unix:/given ("))
    }

    @Test func `A server that hangs is named as such, without advice to start one`() {
        let error = CaptureError.serverHangs(server: PulseAddress("unix:/run/pulse/native"))
        #expect(error.code == "server_hangs")
        #expect(
            error.description.hasPrefix("the PulseAudio server does not answer (unix:/run/pulse/native): "))
        #expect(!error.description.contains("pulseaudio --start"))
    }

    @Test func `A refusal is not an absence, and has its own advice`() {
        let address = PulseAddress("unix:/run/pulse/native")
        let error = CaptureError.serverRefused(server: address, reason: "Access denied")
        #expect(error.code == "server_refused")
        let text = error.description
        #expect(
            text.hasPrefix(
                "the PulseAudio server at unix:/run/pulse/native refuses this user (Access denied)"))
        #expect(text.contains("cookie") && text.contains("group") && !text.contains("start"))
    }
}

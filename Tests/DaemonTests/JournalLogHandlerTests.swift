import Logging
import Testing

@testable import Systemd

@Suite struct JournalLogHandlerTests {
    @Test func `Each line is prefixed with the priority of its message`() {
        #expect(JournalLogHandler.lines(.info, "listening", [:]) == "<6>listening\n")
        #expect(JournalLogHandler.lines(.warning, "one\ntwo", [:]) == "<4>one\n<4>two\n")
        #expect(JournalLogHandler.lines(.critical, "over", [:]) == "<2>over\n")
        #expect(JournalLogHandler.lines(.trace, "detail", [:]) == "<7>detail\n")
    }

    @Test func `Metadata follows the message in the order of its keys`() {
        #expect(
            JournalLogHandler.lines(.error, "refused", ["path": "/b", "code": "13"])
                == "<3>refused code=13 path=/b\n")
    }
}

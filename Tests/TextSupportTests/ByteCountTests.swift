import Testing
import TextSupport

@Suite struct ByteCountTests {
    @Test(arguments: [
        (0, "0.0 MB"), (1, "0.1 kB"), (4, "0.1 kB"), (154_000, "0.2 MB"), (99_999, "100.0 kB"),
        (22_400, "22.4 kB"),
        (3_634_000, "3.6 MB"), (1_250_000_000, "1250.0 MB"),
    ])
    func `Sizes have one digit after the point, and only 0 reads as 0`(bytes: Int, text: String) {
        #expect(ByteCount.text(bytes) == text)
    }
}

import SystemSupport
import Testing

@Suite struct OptionValuesTests {
    @Test(arguments: [
        ("--hop -1 a.wav", "--hop=-1 a.wav"), ("--hop -.5", "--hop=-.5"),
        ("--min-score -inf", "--min-score=-inf"),
        ("--time-zone -05:00 --events", "--time-zone=-05:00 --events"), ("--top-k -1e3", "--top-k=-1e3"),
        ("--files-from list -0", "--files-from list -0"), ("--no-progress -0", "--no-progress -0"),
        ("--hop=1 -1", "--hop=1 -1"), ("a -1", "a -1"), ("-n -1", "-n -1"), ("--hop -x", "--hop -x"),
        ("--hop --events", "--hop --events"), ("-- --hop -1", "-- --hop -1"), ("--hop -", "--hop -"),
        ("", ""),
    ])
    func `A negative number belongs to the option in front of it`(given: String, expected: String) {
        let words = given.split(separator: " ").map(String.init)
        #expect(OptionValues.joined(words).joined(separator: " ") == expected)
    }
}

/// Hours of some days of the week at which nothing is recorded: `22:00-06:00`, `Mon-Fri 08:00-17:00`.
///
/// Hours that end at or before their begin, by the clock, end on the next day; the weekday is that of the
/// begin.
public struct QuietHours: Equatable, Sendable {
    /// As it was written.
    public let text: String
    /// Days on which they begin, counted from Monday, 0.
    let days: Set<Int>
    /// Minutes after midnight, from 0 to 1439.
    let begin: Int
    /// Minutes after midnight, from 0 to 1440.
    let end: Int

    package static let allowed = "hours such as 22:00-06:00, Mon-Fri 08:00-17:00 or Sat,Sun 00:00-24:00"

    private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let minutesPerDay = 24 * 60

    /// - Returns: `nil` for a text of another form; ``problem(in:)`` says why.
    public init?(_ text: String) {
        guard case .success(let hours) = Self.read(text) else { return nil }
        self = hours
    }

    private init(text: String, days: Set<Int>, begin: Int, end: Int) {
        (self.text, self.days, self.begin, self.end) = (text, days, begin, end)
    }

    /// Whether they contain a time by the clock on the wall.
    ///
    /// - Parameters:
    ///   - weekday: Counted from Monday, 0.
    ///   - minute: Minutes after midnight.
    public func contain(weekday: Int, minute: Int) -> Bool {
        if begin < end { return days.contains(weekday) && (begin..<end).contains(minute) }
        return days.contains(weekday) && minute >= begin
            || days.contains((weekday + 6) % 7) && minute < end
    }

    /// Why a text is rejected, with what is accepted; `nil` if it is accepted.
    package static func problem(in text: String) -> String? {
        guard case .failure(let problem) = read(text) else { return nil }
        return "\(problem.reason); expected \(allowed)"
    }

    private struct Problem: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private static func read(_ text: String) -> Result<QuietHours, Problem> {
        let words = text.split(separator: " ")
        guard let span = words.last, words.count <= 2 else {
            return .failure(Problem("it has \(words.count) words"))
        }
        do throws(Problem) {
            let days = try words.count == 2 ? readDays(words[0]) : Set(0..<7)
            let times = span.split(separator: "-", omittingEmptySubsequences: false)
            guard times.count == 2 else { throw Problem("'\(span)' is not two times with a hyphen") }
            let (begin, end) = (try readTime(times[0]), try readTime(times[1]))
            if begin == minutesPerDay { throw Problem("a day begins at 00:00") }
            if begin == end { throw Problem("'\(span)' has no length; a whole day is 00:00-24:00") }
            return .success(QuietHours(text: text, days: days, begin: begin, end: end))
        } catch {
            return .failure(error)
        }
    }

    private static func readDays(_ text: Substring) throws(Problem) -> Set<Int> {
        var days: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard let first = ends.first, ends.count <= 2 else { throw notADay(part) }
            let from = try readDay(first)
            let to = try readDay(ends.last ?? first)
            // From Saturday to Monday is three days, across the end of the week.
            for offset in 0...((to - from + 7) % 7) { days.insert((from + offset) % 7) }
        }
        return days
    }

    private static func readDay(_ text: Substring) throws(Problem) -> Int {
        guard let day = weekdays.firstIndex(where: { $0.lowercased() == text.lowercased() }) else {
            throw notADay(text)
        }
        return day
    }

    private static func notADay(_ text: Substring) -> Problem {
        Problem("'\(text)' is not a weekday (\(weekdays.joined(separator: ", ")))")
    }

    private static func readTime(_ text: Substring) throws(Problem) -> Int {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isWritten =
            parts.count == 2 && parts[1].utf8.count == 2 && (1...2).contains(parts[0].utf8.count)
            && parts.allSatisfy {
                $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            }
        guard isWritten, let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
            hour * 60 + minute <= minutesPerDay
        else { throw Problem("'\(text)' is not a time from 00:00 to 24:00") }
        return hour * 60 + minute
    }
}

import Testing

@testable import Daemon

@Suite struct StreamAccountTests {
    @Test func `Windows at every hop leave nothing to tell`() {
        var account = StreamAccount()
        for start in stride(from: Int64(0), to: 10_000, by: 200) {
            #expect(account.answer(start..<start + 1_000, hop: 200, skipped: 0) == [])
            #expect(account.settledSample == start + 1_000)
        }
    }

    @Test func `Skipped windows are told as the hops that they would have answered for`() {
        var account = StreamAccount()
        _ = account.answer(0..<1_000, hop: 200, skipped: 0)
        #expect(account.answer(600..<1_600, hop: 200, skipped: 2) == [1_000..<1_400])
        #expect(account.answer(800..<1_800, hop: 200, skipped: 0) == [])
    }

    @Test func `What was skipped before the first window is told up to where that begins`() {
        var account = StreamAccount()
        #expect(account.answer(400..<1_400, hop: 200, skipped: 2) == [0..<400])
    }

    @Test func `A hole that was told is not told again as skipped`() {
        var account = StreamAccount()
        _ = account.answer(0..<1_000, hop: 200, skipped: 0)
        account.note(hole: 1_050..<1_120)
        account.note(hole: 1_300..<2_000)
        #expect(
            account.answer(1_400..<2_400, hop: 200, skipped: 6) == [
                1_000..<1_050, 1_120..<1_300, 2_000..<2_200,
            ])
        #expect(account.answer(1_600..<2_600, hop: 200, skipped: 0) == [])
    }

    @Test func `What was in no window before the windows begin anew is told`() {
        var account = StreamAccount()
        _ = account.answer(0..<1_000, hop: 200, skipped: 0)
        account.note(hole: 1_010..<1_020)
        #expect(account.restart(behind: 1_150..<9_000) == [1_000..<1_010, 1_020..<1_150])
        #expect(account.answer(9_000..<10_000, hop: 200, skipped: 0) == [])
        // The padded window before a hole reaches into it.
        #expect(account.answer(9_200..<10_110, hop: 200, skipped: 0) == [])
        #expect(account.restart(behind: 10_100..<20_000) == [])
        #expect(account.settledSample == 20_000)
    }

    @Test func `What a hop longer than the window leaves out on purpose is no gap`() {
        var account = StreamAccount()
        #expect(account.answer(0..<1_000, hop: 3_000, skipped: 0) == [])
        #expect(account.answer(3_000..<4_000, hop: 3_000, skipped: 0) == [])
        #expect(account.answer(9_000..<10_000, hop: 3_000, skipped: 1) == [4_000..<7_000])
    }
}

import Glibc
import Recognizer
import SystemSupport
import Testing

@Suite struct SystemTests {
    @Test func `The number of usable processors is between one and the machine's`() {
        #expect((1...max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))).contains(Processors.usableCount))
    }

    @Test func `A process has resident memory, part of which is anonymous`() {
        let memory = ProcessMemory.current()
        #expect(memory.anonymousBytes > 100_000)
        #expect(memory.residentBytes > memory.anonymousBytes)
    }
}

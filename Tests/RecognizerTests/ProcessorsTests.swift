import Glibc
import Recognizer
import SystemSupport
import Testing

@Suite struct ProcessorsTests {
    @Test func `There is one processor at least, and never more than the machine has`() {
        #expect((1...max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))).contains(Processors.usableCount))
    }

    @Test func `A process has memory, some of it its own`() {
        let memory = ProcessMemory.current()
        #expect(memory.anonymousBytes > 100_000)
        #expect(memory.residentBytes > memory.anonymousBytes)
    }

    @Test func `A model that is named is the one that is taken`() {
        #expect(ModelLocator.find(explicit: "some/model") == "some/model")
    }
}

import FuzzSupport
import Settings

let scratch = Scratch(golden: "none", fuzzed: "astd.yaml")

/// Any bytes as the file of settings: read, or refused with reasons.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    scratch.write(bytes, count)
    do throws(SettingsRefusal) {
        _ = try SettingsSources(file: scratch.path + "/astd.yaml", environment: [:]).load()
    } catch {
        precondition(!"\(error)".isEmpty)
    }
    return 0
}

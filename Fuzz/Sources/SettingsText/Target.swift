import FuzzSupport
import Settings

let scratch = Scratch(golden: "none", fuzzed: "astd.yaml")

/// Reads arbitrary bytes as the settings file. Every rejection must have a reason.
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

import FuzzSupport
import Inference

let scratch = Scratch(golden: "adapters/modern-qv", fuzzed: "adapter_config.json")

/// Reads arbitrary bytes as `adapter_config.json` beside valid factors. Every rejection must have a reason.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    scratch.write(bytes, count)
    do throws(ModelError) {
        _ = try LoRAAdapter(directory: scratch.path).summary()
    } catch {
        precondition(!error.description.isEmpty)
    }
    return 0
}

import FuzzSupport
import Inference

let scratch = Scratch(
    golden: "models/single-label", fuzzed: "model.safetensors.index.json",
    weights: "model-00001-of-00001.safetensors")

/// Reads arbitrary bytes as the index of a small model in one shard. Every rejection must have a reason.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    scratch.write(bytes, count)
    do throws(ModelError) {
        _ = try BaseModel(directory: scratch.path)
    } catch {
        precondition(!error.description.isEmpty)
    }
    return 0
}

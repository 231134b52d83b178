import FuzzSupport
import Inference

/// Adapters of one method each; the first byte of an input chooses one.
let adapters = [
    "petl-module-bottleneck-houlsby-par", "petl-module-conformer-houlsby-par",
    "petl-module-ablation-ffn-seq-before-mixed", "petl-module-dense-ffn-convpass",
    "petl-module-soft-mhsa-slots-normalized", "petl-method-prefix-cls", "petl-method-shallow-prompts",
    "petl-method-deep-cls", "petl-method-bitfit", "patterns", "lokr-conv2d", "oft", "vblora-top", "shira",
]
let scratches = adapters.map {
    Scratch(golden: "adapters/" + $0, fuzzed: "adapter_model.safetensors", name: $0)
}
let base = try? BaseModel(
    directory: #filePath.replacing(
        "/Fuzz/Sources/AdapterTensors/Target.swift", with: "/Tests/Golden/models/stride10"))
let window = [Float](repeating: 0.25, count: 96 * 128)

/// Reads arbitrary bytes as the tensors of an adapter with a valid configuration, and classifies a window
/// with it. Every rejection must have a reason.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let bytes, count > 0, let base else { return 0 }
    let scratch = scratches[Int(bytes[0]) % scratches.count]
    scratch.write(bytes + 1, count - 1)
    do throws(ModelError) {
        let adapter = try Adapter(directory: scratch.path)
        _ = try adapter.summary(on: base)
        let network = try base.adapted(by: adapter)
        let engine = try Engine(threads: 1)
        engine.prepare(for: [network])
        var logits = [Float](repeating: 0, count: network.config.labels.count)
        window.withUnsafeBufferPointer { window in
            logits.withUnsafeMutableBufferPointer { engine.classify(network, window, logits: $0) }
        }
    } catch {
        precondition(!error.description.isEmpty)
    }
    return 0
}

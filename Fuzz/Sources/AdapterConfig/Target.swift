import FuzzSupport
import Inference

/// The configuration is read beside the tensors of the method that it names: PEFT's by `peft_type`, those of
/// PETL_AST by `method`.
let names = [
    "ADALORA": "adalora-allocated", "BEFT": "beft", "BOFT": "boft", "BONE": "bone", "C3A": "c3a",
    "DEFT": "deft", "DELORA": "delora", "FOURIERFT": "fourierft", "GLORA": "glora",
    "GRALORA": "gralora-hybrid", "HIRA": "hira", "HRA": "hra",
    "IA3": "ia3-all", "LN_TUNING": "ln-tuning", "LOHA": "loha", "LOKR": "lokr-conv2d", "LORA": "patterns",
    "MISS": "miss-bat", "OFT": "oft", "PVERA": "pvera", "RANDLORA": "randlora", "ROAD": "road-1",
    "SHIRA": "shira", "SUPERTUNING": "supertuning-lora", "UNILORA": "unilora", "VBLORA": "vblora-top",
    "VERA": "vera-seed", "WAVEFT": "waveft",
    "adapter": "petl-module-conformer-houlsby-par",
    "adapter-ablation": "petl-module-ablation-mhsa-seq-before",
    "bitfit": "petl-method-bitfit", "dense-moa": "petl-module-dense-houlsby",
    "linear": "petl-method-linear", "prefix-tuning": "petl-method-prefix",
    "prompt-tuning": "petl-method-deep-all", "soft-moa": "petl-module-soft-mhsa-slots-normalized",
]
let scratches = names.mapValues { Scratch(golden: "adapters/" + $0, fuzzed: "adapter_config.json", name: $0) }
let base = try? BaseModel(
    directory: #filePath.replacing(
        "/Fuzz/Sources/AdapterConfig/Target.swift", with: "/Tests/Golden/models/stride10"))

/// Reads arbitrary bytes as `adapter_config.json` beside valid tensors, and merges the adapter. Every
/// rejection must have a reason.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    let named = names.keys.sorted().first { text.contains("\"\($0)\"") } ?? "LORA"
    guard let scratch = scratches[named], let base else { return 0 }
    scratch.write(bytes, count)
    do throws(ModelError) {
        let adapter = try Adapter(directory: scratch.path)
        _ = try adapter.summary(on: base)
        _ = try base.adapted(by: adapter)
    } catch {
        precondition(!error.description.isEmpty)
    }
    return 0
}

/// The kinds of adapter that astd knows, by `peft_type`.
enum AdapterMethods {
    static let supported: [any AdapterMethod.Type] = [
        LoRA.self, AdaLoRA.self, BEFT.self, BOFT.self, Bone.self, C3A.self, DEFT.self, DeLoRA.self,
        FourierFT.self,
        GLoRA.self, GraLoRA.self, HRA.self, HiRA.self, IA3.self, LNTuning.self, LoHa.self, LoKr.self,
        MiSS.self, OFT.self,
        PETLConfig.self, PVeRA.self, RandLoRA.self, RoAd.self, SHiRA.self, Supertuning.self, UniLoRA.self,
        VBLoRA.self,
        VeRA.self, WaveFT.self,
    ]

    private static let decomposition =
        "its file does not hold the decomposition of the base that it depends on; merge it with PEFT"
    private static let uncomputed = "astd does not compute it; merge it with PEFT"
    private static let prompts = "it adds prompts to a language model's input"

    /// Kinds that are not merged, and why.
    static let refused: [String: String] = [
        "ADAMSS": decomposition,
        "ADAPTION_PROMPT": "it adds prompts to a Llama's attention",
        "CARTRIDGE": "it is a cache of a language model's keys and values",
        "CPT": prompts,
        "FROD": uncomputed,
        "LILY": "PEFT cannot merge it: what it adds depends on the input",
        "MULTITASK_PROMPT_TUNING": prompts,
        "OSF": decomposition,
        "PEANUT": uncomputed,
        "POLY": "it routes between skills by a task number",
        "PREFIX_TUNING": prompts + " (tools/import_petl.py imports PETL_AST's prefixes)",
        "PROMPT_TUNING": prompts + " (tools/import_petl.py imports PETL_AST's prompts)",
        "PSOFT": decomposition,
        "P_TUNING": prompts,
        "SHADOW": "it runs a second network beside the base",
        "TINYLORA": uncomputed,
        "TRAINABLE_TOKENS": "an AST has no vocabulary",
        "XLORA": "it mixes several adapters, differently for every input",
    ]

    /// The kind called `peftType`.
    static func named(_ peftType: String) -> (any AdapterMethod.Type)? {
        supported.first { $0.peftType == peftType }
    }
}

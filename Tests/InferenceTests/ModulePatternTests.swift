import TestSupport
import Testing

@testable import Inference

/// What Python's `re.match(r"(.*\.)?(KEY)$", path)` answers, which is PEFT's rule.
@Suite struct ModulePatternTests {
    private static let path = "audio_spectrogram_transformer.layers.11.attention.q_proj"

    @Test(arguments: [
        ("q_proj", true), ("proj", false), ("attention.q_proj", true), ("ttention.q_proj", false),
        (path, true), ("layers.11.attention.q_proj", true), ("layers.1.attention.q_proj", false),
        (#"layers\.\d+\.attention\.[qk]_proj"#, true), (#"layers\.\d\.attention\.[qk]_proj"#, false),
        (#".*\.(q|v)_proj"#, true), (#".*\.(?:k|v)_proj"#, false), (".*", true), ("", false),
        (#"layers\.(0|1|11)\..*"#, true), (#"layers\.([02468]|10)\..*"#, false),
        (#"^audio_.*"#, true), (#"^layers.*"#, false), (#"attention\.q_proj$"#, true),
        (#"[^.]+"#, true), (#"[^a-z]+"#, false), (#"\w+\.q_proj"#, true), (#"\W+"#, false),
        (#"layers\.1{2}\.\S*"#, true), (#"layers\.1{3,}\.\S*"#, false), (#"layers\.1{,2}\.\S*?"#, true),
        (#"(layers\.11\.)?(attention\.)+q_proj"#, true), (#"a?u?d?i?o?.*q_proj"#, true),
        (#"k_proj|q_proj"#, true), (#"k_proj|v_proj|"#, false), (#"q\u005Fproj"#, false),
        (#"\bq_proj\b"#, true), (#"q\b_proj"#, false), (#"q{_proj"#, false), (#"[]q]_proj"#, true),
        (#"[a-q]_proj"#, true), (#"[q\-]_pro[j\d]"#, true), (#"x*q_proj"#, true),
    ])
    func `A key matches as in Python`(key: String, matches: Bool) {
        #expect((ModulePattern(key)?.matches(Self.path) ?? false) == matches)
    }

    @Test(arguments: [
        "q_(", "q_)", "[q", "*q", "a**", "a{3,2}", #"(?=q)"#, #"(?P<name>q)"#, #"(q)\1"#, #"\d{2000}"#,
        "(((((a{9}){9}){9}){9}){9}){9}", String(repeating: "(", count: 5000), #"\"#, "a{1000}{1000}",
    ])
    func `Text that is not an expression, or one that costs too much, is rejected`(key: String) {
        #expect(ModulePattern(key) == nil)
    }

    @Test(arguments: [#"(\w+)+!"#, #"(a|a)*$"#, #"(.*)*(.*)*(.*)*!"#, #"(x+x+)+y"#])
    func `An expression that backtracking never finishes is answered at once`(key: String) async throws {
        let pattern = try #require(ModulePattern(key))
        let path = String(repeating: "x", count: 5000)
        try await completes("matching") { #expect(!pattern.matches(path)) }
    }
}

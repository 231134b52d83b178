internal import CYAML

/// Why a text is not a YAML document of settings.
package struct YAMLRefusal: Error, Equatable {
    /// Counted from one; `nil`: nowhere.
    package var line: Int?
    package var reason: String
}

extension YAMLRefusal {
    /// The error that libyaml reports.
    ///
    /// - Parameters:
    ///   - state: A parser that has failed.
    ///   - bytes: The text it reads.
    init(_ state: yaml_parser_t, in bytes: UnsafeBufferPointer<UInt8>) {
        let problem = state.problem.map { String(cString: $0) } ?? "it cannot be parsed"
        if state.error == YAML_READER_ERROR {
            let before = bytes.prefix(state.problem_offset)
            let digits = String(UInt32(bitPattern: state.problem_value), radix: 16, uppercase: true)
            let padding = String(repeating: "0", count: max(0, 4 - digits.count))
            self.init(line: before.count { $0 == 0x0A } + 1, reason: "\(problem) (U+\(padding)\(digits))")
            return
        }
        let context = state.context.map { String(cString: $0) }
        let index = state.problem_mark.index
        var reason = Self.advice(on: problem, context, at: index, in: bytes) ?? problem
        if reason == problem, let context {
            reason += " \(context)"
            if state.context_mark.line != state.problem_mark.line {
                reason += " that began in line \(state.context_mark.line + 1)"
            }
        }
        self.init(line: state.problem_mark.line + 1, reason: reason)
    }

    /// Plain words for the usual mistakes, which libyaml names by its grammar.
    private static func advice(
        on problem: String, _ context: String?, at index: Int, in bytes: UnsafeBufferPointer<UInt8>
    ) -> String? {
        let quote = "put the value in quotes"
        switch (problem, context) {
        case ("mapping values are not allowed in this context", _):
            return "unexpected colon; if it is part of a value, \(quote), else check the line above"
        case (_, "while scanning an alias"): return "a value cannot begin with *; \(quote)"
        case (_, "while scanning an anchor"): return "a value cannot begin with &; \(quote)"
        case (_, "while scanning for the next token"):
            switch String(decoding: bytes, as: UTF8.self).unicodeScalars.dropFirst(index).first {
            case "\t"?: return "unexpected tab; indent with spaces"
            case let character?: return "a value cannot begin with \(character); \(quote)"
            case nil: return nil
            }
        default: return nil
        }
    }
}

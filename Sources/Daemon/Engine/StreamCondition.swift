/// Why the sound of a source that delivers samples is not, or not completely, classified.
struct StreamCondition: Equatable, Sendable {
    /// Only digital silence, for so long that the microphone is probably muted.
    var isMuted = false
    /// The last window stayed below the gate.
    var isGated = false
    /// Windows are skipped because inference is too slow: by how much, and what helps.
    var overload: String?

    static let mutedMessage = "only digital silence: is the microphone muted?"
    static let gatedMessage = "everything is below the gate, so windows are not classified"

    /// For people; `nil` when all sound is classified. A muted microphone is silent, so that the gate closes,
    /// too; the cause is reported.
    var message: String? {
        var parts: [String] = []
        if isMuted {
            parts.append(Self.mutedMessage)
        } else if isGated {
            parts.append(Self.gatedMessage)
        }
        if let overload { parts.append(overload) }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}

extension StreamCondition {
    /// The message of an overload.
    ///
    /// - Parameters:
    ///   - pass: Duration of the forward passes of one window.
    ///   - isQuantized: Whether the passes are computed in int8 already.
    static func overload(passMilliseconds pass: Double, hopMilliseconds hop: Double, isQuantized: Bool)
        -> String
    {
        let advice =
            pass < hop
            ? "give astd more of the processor, or raise hop"
            : "raise hop or threads" + (isQuantized ? "" : ", or use int8")
        return "windows are skipped: a pass takes \(Int(pass.rounded())) ms, the hop is "
            + "\(Int(hop.rounded())) ms: \(advice)"
    }
}

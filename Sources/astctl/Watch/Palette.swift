/// Colours of a terminal, or none.
enum Palette {
    case plain
    case ansi

    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        switch self {
        case .plain: text
        case .ansi: text.isEmpty ? "" : "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
        }
    }
}

import TextSupport
import Wire

/// Lists of adapters as people read them.
enum AdapterText {
    static func lines(_ list: AdapterList) -> [String] {
        let isBaseActive = list.active.contains(AdapterRecord.baseName)
        let base = "\(isBaseActive ? "*" : " ") \(AdapterRecord.baseName)  the model as it was published"
        return [base] + list.adapters.map { "\($0.isActive ? "*" : " ") \(description($0))" }
    }

    static func description(_ entry: AdapterList.Entry) -> String {
        let ranks = entry.ranks.map {
            $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)"
        }
        let rank = ranks.map { " of rank \($0)" } ?? ""
        let megabytes = FixedDecimals.text(Double(entry.bytes) / 1e6, decimals: 1) ?? "?"
        return "\(Text.printable(entry.name))  \(entry.labels) labels, \(entry.matrices) matrices\(rank), "
            + "\(megabytes) MB when used, \(Text.printable(entry.path))"
    }
}

import Wire

/// Reads arbitrary bytes, in two pieces, as a client's input: lines, requests and their parameters.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: count))
    var framer = LineFramer(maximumLineBytes: 1 << 16)
    let cut = input.count / 3
    for event in framer.append(Array(input[..<cut])) + framer.append(Array(input[cut...])) {
        guard case .line(let line) = event else { continue }
        if let request = try? RPCRequest(line: Array(line)) {
            _ = try? SubscribeParameters(request.params)
            _ = try? ClassifyParameters(request.params)
        }
        _ = try? RPCMessage(line: Array(line))
    }
    return 0
}

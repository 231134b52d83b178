/// Products of small row-major matrices in arrays.
enum FloatMatrix {
    /// Rows of `left * right`, with left `[n, inner]` and right `[inner, columns]`.
    static func product(
        _ left: [Float], _ right: [Float], rows: Range<Int>, inner: Int, columns: Int
    ) -> [Float] {
        [Float](unsafeUninitializedCapacity: rows.count * columns) { result, count in
            count = rows.count * columns
            result.initialize(repeating: 0)
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in
                    guard let left = left.baseAddress, let right = right.baseAddress,
                        let result = result.baseAddress, inner > 0, count > 0
                    else { return }
                    SGEMM.multiply(
                        rows: rows.count, columns: columns, inner: inner,
                        left + rows.lowerBound * inner, stride: inner, right, stride: columns,
                        beta: 0, result, stride: columns)
                }
            }
        }
    }
}

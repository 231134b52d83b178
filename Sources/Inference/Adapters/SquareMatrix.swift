/// A small square matrix in double precision: what orthogonal methods compute from skew-symmetric parameters.
struct SquareMatrix {
    let side: Int
    /// `[side, side]`, row-major.
    private(set) var values: [Double]

    init(side: Int, values: [Double]) {
        self.side = side
        self.values = values
    }

    static func identity(_ side: Int) -> SquareMatrix {
        var matrix = SquareMatrix(side: side, values: Array(repeating: 0, count: side * side))
        for index in 0..<side { matrix[index, index] = 1 }
        return matrix
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * side + column] }
        set { values[row * side + column] = newValue }
    }

    var floats: [Float] { values.map { Float($0) } }

    static func * (left: SquareMatrix, right: SquareMatrix) -> SquareMatrix {
        let side = left.side
        var result = SquareMatrix(side: side, values: Array(repeating: 0, count: side * side))
        DGEMM.multiply(side, left.values, right.values, &result.values)
        return result
    }

    mutating func add(_ other: SquareMatrix, times factor: Double) {
        for index in values.indices { values[index] += factor * other.values[index] }
    }

    /// The Cayley transform of a skew-symmetric matrix S, which is a rotation: (I - S) (I + S)^-1.
    ///
    /// - Returns: `nil` when I + S cannot be inverted, which happens with infinite values only.
    func cayleyTransform() -> SquareMatrix? {
        var sum = SquareMatrix.identity(side), difference = sum
        sum.add(self, times: 1)
        difference.add(self, times: -1)
        return DGEMM.solve(side, &sum.values, &difference.values) ? difference : nil
    }
}

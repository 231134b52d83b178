/// A view of contiguous, row-major floats; it does not own them.
///
/// SAFETY: the owner (``SafetensorsFile`` or ``Workspace``) outlives every view of it: the model keeps both.
struct Tensor {
    let pointer: UnsafeMutablePointer<Float>
    let shape: [Int]

    var count: Int { shape.reduce(1, *) }
    var rows: Int { shape[0] }
    /// Elements per row: everything after the first dimension.
    var rowWidth: Int { shape.dropFirst().reduce(1, *) }

    var buffer: UnsafeMutableBufferPointer<Float> { .init(start: pointer, count: count) }
}

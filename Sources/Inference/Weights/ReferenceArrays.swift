/// The arrays of a safetensors file by name: the reference values of the self-test.
package struct ReferenceArrays {
    private let file: SafetensorsFile
    private let path: String

    /// - Throws: ``ModelError``: unreadable, malformed.
    package init(path: String) throws(ModelError) {
        self.path = path
        file = try SafetensorsFile(mapping: path)
    }

    /// - Throws: ``ModelError/missingTensor(path:tensor:)``.
    package func floats(_ name: String) throws(ModelError) -> [Float] {
        guard let tensor = file.tensor(name) else { throw .missingTensor(path: path, tensor: name) }
        return Array(UnsafeBufferPointer(start: tensor.pointer, count: tensor.count))
    }
}

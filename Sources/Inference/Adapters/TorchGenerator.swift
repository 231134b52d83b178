/// PyTorch's generator of random numbers on the CPU: the Mersenne twister mt19937.
///
/// Some methods store the seed of a projection instead of the projection.
/// Matsumoto, Nishimura: "Mersenne Twister", 1998; `at::mt19937` of PyTorch.
struct TorchGenerator {
    private var state: [UInt32]
    private var next = 624

    /// - Parameter seed: As `torch.Generator().manual_seed(seed)` takes it.
    init(seed: Int) {
        var value = UInt32(truncatingIfNeeded: seed)
        state = [value]
        for index in 1..<624 {
            value = 1_812_433_253 &* (value ^ (value >> 30)) &+ UInt32(index)
            state.append(value)
        }
    }

    /// 32 random bits.
    mutating func bits() -> UInt32 {
        if next == 624 { refill() }
        var value = state[next]
        next += 1
        value ^= value >> 11
        value ^= (value << 7) & 0x9D2C_5680
        value ^= (value << 15) & 0xEFC6_0000
        return value ^ (value >> 18)
    }

    private mutating func refill() {
        for index in 0..<624 {
            let mixed = (state[index] & 0x8000_0000) | (state[(index + 1) % 624] & 0x7FFF_FFFF)
            let odd: UInt32 = mixed & 1 == 0 ? 0 : 0x9908_B0DF
            state[index] = state[(index + 397) % 624] ^ (mixed >> 1) ^ odd
        }
        next = 0
    }

    /// `torch.empty(count).uniform_(low, high)`: of each number 24 bits are random, and PyTorch's compiler
    /// fuses the multiplication with the addition.
    mutating func uniform(_ count: Int, from low: Float, to high: Float) -> [Float] {
        (0..<count).map { _ in low.addingProduct(Float(bits() & 0xFF_FFFF) * 0x1p-24, high - low) }
    }

    /// The first `count` numbers of `torch.randperm(n)`.
    mutating func permutation(of n: Int, first count: Int) -> [Int] {
        // Fisher-Yates; what has been moved, by place.
        var moved: [Int: Int] = [:]
        return (0..<min(count, n)).map { index in
            let other = index + (index < n - 1 ? Int(bits()) % (n - index) : 0)
            let value = moved[other] ?? other
            moved[other] = moved[index] ?? index
            return value
        }
    }

    /// PyTorch permutes larger ranges with other numbers.
    static let largestPermutation = Int(UInt32.max / 20)
}

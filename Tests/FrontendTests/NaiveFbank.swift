import Frontend
import Glibc

/// A reference implementation of Kaldi's log-mel filterbank: in double precision, with a discrete Fourier
/// transform as a sum, and without tables of the code under test.
struct NaiveFbank {
    let config: FrontendConfig

    /// All complete frames of `samples`, `[frames, melBins]`.
    func features(_ samples: [Float]) -> [Double] {
        stride(from: 0, through: samples.count - 400, by: 160).flatMap { start in
            let power = powers(samples[start..<start + 400].map { Double($0) })
            return (0..<config.melBins).map { filter in
                var energy = 0.0
                for bin in 0..<256 { energy += power[bin] * weight(filter: filter, bin: bin) }
                let value = log(max(energy, 1.1920928955078125e-07))
                guard let normalisation = config.normalisation else { return value }
                return (value - normalisation.mean) / (2 * normalisation.standardDeviation)
            }
        }
    }

    private func powers(_ frame: [Double]) -> [Double] {
        let mean = frame.reduce(0, +) / 400
        let centred = frame.map { $0 - mean }
        let windowed = (0..<400).map { n in
            (centred[n] - 0.97 * centred[max(0, n - 1)]) * (0.5 - 0.5 * cos(2 * .pi * Double(n) / 399))
        }
        return (0..<256).map { bin in
            var real = 0.0, imaginary = 0.0
            for (n, value) in windowed.enumerated() {
                // Reduces the angle to one turn first, so that its sine is exact to the last digit.
                let angle = 2 * .pi * Double(n * bin % 512) / 512
                real += value * cos(angle)
                imaginary -= value * sin(angle)
            }
            return real * real + imaginary * imaginary
        }
    }

    /// Height of triangle `filter` of `melBins` at FFT bin `bin`.
    private func weight(filter: Int, bin: Int) -> Double {
        func mel(_ hertz: Double) -> Double { 1127 * log(1 + hertz / 700) }
        let width = (mel(8000) - mel(20)) / Double(config.melBins + 1)
        let left = mel(20) + width * Double(filter)
        let position = (mel(Double(bin) * 16000 / 512) - left) / width
        return max(0, min(position, 2 - position))
    }
}

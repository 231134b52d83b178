private import Glibc

/// Triangular filters whose corners are evenly spaced on Kaldi's mel scale, mel(f) = 1127 ln(1 + f / 700).
///
/// Only the powers under a triangle are stored. A filter that is narrower than the distance between two
/// frequency bins can be empty; its energy is then the floor.
struct MelBank {
    /// First FFT bin and number of FFT bins of each filter.
    var starts: [Int32] = []
    var counts: [Int32] = []
    /// All filters' weights, one after the other, unitless.
    var weights: [Double] = []

    init(filters: Int) {
        let low = Self.mel(FrontendConfig.lowFrequencyHz)
        let high = Self.mel(FrontendConfig.highFrequencyHz)
        let spacing = (high - low) / Double(filters + 1)
        let binHz = Double(FrontendConfig.sampleRateHz) / Double(FrontendConfig.fftPoints)
        // Kaldi omits the bin of the Nyquist frequency.
        let bins = FrontendConfig.fftPoints / 2
        for filter in 0..<filters {
            let left = low + Double(filter) * spacing
            let center = left + spacing
            let right = center + spacing
            var start = 0
            var values: [Double] = []
            for bin in 0..<bins {
                let mel = Self.mel(Double(bin) * binHz)
                let weight = min((mel - left) / (center - left), (right - mel) / (right - center))
                guard weight > 0 else { continue }
                if values.isEmpty { start = bin }
                values.append(weight)
            }
            starts.append(Int32(start))
            counts.append(Int32(values.count))
            weights += values
        }
    }

    static func mel(_ frequencyHz: Double) -> Double { 1127 * log(1 + frequencyHz / 700) }
}

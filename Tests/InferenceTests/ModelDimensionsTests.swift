import Testing

@testable import Inference

@Suite struct ModelDimensionsTests {
    private static func fields(_ change: (inout ConfigFields) -> Void = { _ in }) -> ConfigFields {
        var fields = ConfigFields()
        change(&fields)
        return fields
    }

    private static func problem(_ change: (inout ConfigFields) -> Void) -> String? {
        do throws(ModelError) {
            _ = try ModelDimensions(fields(change), path: "config.json")
            return nil
        } catch {
            return error.description
        }
    }

    @Test func `An empty configuration is AST-base`() throws {
        let dimensions = try ModelDimensions(Self.fields(), path: "")
        #expect(dimensions.hidden == 768 && dimensions.layers == 12 && dimensions.heads == 12)
        #expect(dimensions.headWidth == 64 && dimensions.intermediate == 3072)
        #expect(
            dimensions.frequencyPatches == 12 && dimensions.timePatches == 101 && dimensions.tokens == 1214)
        #expect(dimensions.layerNormEpsilon == 1e-12 && dimensions.queryKeyValueBias)
    }

    @Test func `The published dimensions give the published numbers of tokens`() throws {
        let speechCommands = try ModelDimensions(Self.fields { $0.maxLength = 128 }, path: "")
        #expect(speechCommands.tokens == 146)
        let sixteen = try ModelDimensions(
            Self.fields {
                $0.frequencyStride = 16
                $0.timeStride = 16
            }, path: "")
        #expect(sixteen.tokens == 514)
        let odd = try ModelDimensions(
            Self.fields {
                $0.maxLength = 77
                $0.numMelBins = 80
                $0.patchSize = .square(8)
                $0.frequencyStride = 7
                $0.timeStride = 5
            }, path: "")
        #expect(odd.tokens == 11 * 14 + 2)
    }

    @Test func `Every size is checked against its range, which the message states`() {
        #expect(Self.problem { $0.hiddenSize = 0 } == "config.json: hidden_size is 0, supported: 1 to 8192")
        #expect(Self.problem { $0.hiddenSize = 8193 } != nil)
        #expect(Self.problem { $0.numHiddenLayers = 0 } != nil)
        #expect(Self.problem { $0.numHiddenLayers = 257 } != nil)
        #expect(Self.problem { $0.numAttentionHeads = 0 } != nil)
        #expect(Self.problem { $0.numAttentionHeads = 769 } != nil)
        #expect(Self.problem { $0.intermediateSize = -1 } != nil)
        #expect(Self.problem { $0.intermediateSize = .max } != nil)
        #expect(Self.problem { $0.numMelBins = 257 } != nil)
        #expect(Self.problem { $0.maxLength = 16385 } != nil)
        #expect(Self.problem { $0.maxLength = .min } != nil)
        #expect(Self.problem { $0.timeStride = 0 } == "config.json: time_stride is 0, supported: 1 to 1024")
        #expect(Self.problem { $0.timeStride = 1025 } != nil)
        #expect(Self.problem { $0.frequencyStride = 129 } != nil)
        #expect(Self.problem { $0.frequencyStride = -10 } != nil)
        #expect(Self.problem { $0.layerNormEps = -1e-12 } != nil)
        #expect(Self.problem { $0.layerNormEps = 1 } != nil)
        #expect(Self.problem { $0.numAttentionHeads = 7 }?.contains("a divisor of 768") == true)
    }

    @Test func `The extremes of each range are accepted`() {
        #expect(Self.problem { $0.hiddenSize = 12 } == nil)
        #expect(Self.problem { $0.numHiddenLayers = 256 } == nil)
        #expect(Self.problem { $0.timeStride = 1024 } == nil)
        #expect(Self.problem { $0.patchSize = .square(128) } == nil)
        #expect(Self.problem { $0.layerNormEps = 0 } == nil)
        #expect(Self.problem { $0.maxLength = 16384 } == nil)
    }

    @Test func `A patch is square and fits into the window`() throws {
        #expect(try ModelDimensions(Self.fields { $0.patchSize = .sides([8, 8]) }, path: "").patch == 8)
        #expect(Self.problem { $0.patchSize = .sides([16, 8]) } != nil)
        #expect(Self.problem { $0.patchSize = .sides([16]) } != nil)
        #expect(Self.problem { $0.patchSize = .sides([]) } != nil)
        #expect(Self.problem { $0.patchSize = .square(0) } != nil)
        #expect(Self.problem { $0.patchSize = .square(129) } != nil)
    }

    @Test func `Too many tokens are rejected`() {
        let problem = Self.problem {
            $0.maxLength = 16384
            $0.timeStride = 1
            $0.frequencyStride = 1
        }
        #expect(problem == "config.json: number of patches is \(113 * 16369 + 2), supported: at most 32768")
    }
}

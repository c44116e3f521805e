// The passes in the order in which the cpu backend runs them.

import LTCore
import LTGraph

enum Passes {
    /// What can be done before the input shapes are known.
    static func optimise(_ graph: Graph, _ precision: Precision) throws(LTError) -> Graph {
        let quantised: [any Pass] = [
            FoldConstants(keeping: ["DequantizeLinear"]), FormQuantized(), RemoveDeadCode(), FuseQuantizedSums(),
        ]
        let passes: [any Pass] = [
            FoldConstants(), InlineBranches(), RemoveIdentities(), FoldConstants(), EliminateCommonSubexpressions(),
            FuseLayerNormalization(), ExpandPowers(), FuseActivationPatterns(), FoldBatchNormalization(),
            NormalisationToAffine(), ChannelsLast(), FormLinear(), FoldScales(), FuseEpilogues(), CollectAppends(),
            FormScatterRows(), RemoveDeadCode(),
        ]
        return try run(precision == .int8 ? quantised + passes : passes, graph)
    }

    /// What the shapes of the inputs, in order, make possible beyond that: shapes become constants.
    /// - Parameter factors: what convolutions multiply.
    static func specialise(_ graph: Graph, inputs: [Shape?], _ factors: ElementType) throws(LTError) -> Graph {
        var graph = try FoldConstants(inputs: inputs).apply(graph)
        if graph.nodes.contains(where: { $0.opType == "If" }) {
            graph = try run([InlineBranches(), FoldConstants(inputs: inputs)], graph)
        }
        return try run(
            [
                RemoveIdentities(inputs: inputs), ExpandEinsum(inputs: inputs), FuseAttention(inputs: inputs),
                ComposeMoves(inputs: inputs), FuseEpilogues(inputs: inputs),
            ] + (factors == .float32 ? [FuseGates(inputs: inputs)] : []) + [RemoveDeadCode()], graph)
    }

    private static func run(_ passes: [any Pass], _ graph: Graph) throws(LTError) -> Graph {
        var graph = graph
        for pass in passes { graph = try pass.apply(graph) }
        return graph
    }
}

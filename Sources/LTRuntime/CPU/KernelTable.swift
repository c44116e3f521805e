// KernelTable: which fast kernels exist for which operator. What has none runs the operator's own reference kernel.

import LTCore
import LTGraph

enum KernelTable {
    /// One alphabetical line per operator, "domain::name".
    private static let makers: [String: KernelMaker] = [
        "::Add": BinaryKernel.make,
        "::AveragePool": PoolKernel.make,
        "::Clip": UnaryKernel.make,
        "::Concat": ConcatKernel.make,
        "::Conv": first(DepthwiseKernel.make, ConvolutionKernel.make),
        "::ConvTranspose": DeconvolutionKernel.make,
        "::DequantizeLinear": DequantizeKernel.make,
        "::Div": BinaryKernel.make,
        "::Erf": UnaryKernel.make,
        "::Exp": UnaryKernel.make,
        "::Expand": ViewCopyKernel.make,
        "::Flatten": ViewKernel.make,
        "::Gather": ViewCopyKernel.make,
        "::Gelu": UnaryKernel.make,
        "::Gemm": MatrixKernel.makeGemm,
        "::GlobalAveragePool": PoolKernel.make,
        "::GlobalMaxPool": PoolKernel.make,
        "::HardSigmoid": UnaryKernel.make,
        "::HardSwish": UnaryKernel.make,
        "::LayerNormalization": LayerNormalizationKernel.make,
        "::LeakyRelu": UnaryKernel.make,
        "::MatMul": MatrixKernel.makeMatMul,
        "::Max": BinaryKernel.make,
        "::MaxPool": PoolKernel.make,
        "::Min": BinaryKernel.make,
        "::Mul": BinaryKernel.make,
        "::QLinearConv": QuantizedConvolutionKernel.make,
        "::QLinearMatMul": QuantizedLinearKernel.makeMatMul,
        "::QuantizeLinear": QuantizeKernel.make,
        "::ReduceL1": ReduceKernel.make,
        "::ReduceL2": ReduceKernel.make,
        "::ReduceMax": ReduceKernel.make,
        "::ReduceMean": ReduceKernel.make,
        "::ReduceMin": ReduceKernel.make,
        "::ReduceSum": ReduceKernel.make,
        "::ReduceSumSquare": ReduceKernel.make,
        "::Relu": UnaryKernel.make,
        "::Reshape": ViewKernel.make,
        "::Resize": ResizeKernel.make,
        "::RoiAlign": RoiAlignKernel.make,
        "::Sigmoid": UnaryKernel.make,
        "::Slice": ViewCopyKernel.make,
        "::Softmax": SoftmaxKernel.make,
        "::Split": ViewCopyKernel.make,
        "::Sqrt": UnaryKernel.make,
        "::Squeeze": ViewKernel.make,
        "::Sub": BinaryKernel.make,
        "::Tanh": UnaryKernel.make,
        "::Tile": ViewCopyKernel.make,
        "::Transpose": ViewCopyKernel.make,
        "::Unsqueeze": ViewKernel.make,
        "com.microsoft::QGemm": QuantizedLinearKernel.makeGemm,
        "com.microsoft::QLinearAdd": QuantizedAddKernel.make,
        "com.microsoft::QLinearGlobalAveragePool": QuantizedMeanKernel.make,
        "longtail::Activation": UnaryKernel.make,
        "longtail::ChannelAffine": ChannelAffineKernel.make,
        "longtail::DepthwiseConv": DepthwiseRowsKernel.make,
        "longtail::FusedAttention": AttentionKernel.make,
        "longtail::FusedConv": first(DepthwiseKernel.make, ConvolutionKernel.make),
        "longtail::GatherRows": GatherRowsKernel.make,
        "longtail::Linear": LinearKernel.make,
        "longtail::QuantizedConv": QuantizedConvolutionKernel.make,
    ]

    /// Asks the makers in turn.
    private static func first(_ makers: KernelMaker...) -> KernelMaker {
        { op, node, inputs, outputs, context throws(LTError) in
            for maker in makers {
                if let kernel = try maker(op, node, inputs, outputs, context) { return kernel }
            }
            return nil
        }
    }

    static func knows(_ node: Node) -> Bool { makers["\(node.domain)::\(node.opType)"] != nil }

    /// The kernel for a node whose shapes are known. Values of no elements are left to the operators.
    static func choose(
        _ op: any Operator, _ node: Node, _ inputs: [Operand?], _ outputs: [Operand], _ context: KernelContext
    ) throws(LTError) -> any Kernel {
        let isEmpty = (inputs.compactMap { $0 } + outputs).contains { $0.shape.count == 0 }
        if !isEmpty, let maker = makers["\(node.domain)::\(node.opType)"],
            let kernel = try maker(op, node, inputs, outputs, context)
        {
            return kernel
        }
        return InterpretedKernel(op: op, operands: inputs, outputs: outputs)
    }
}

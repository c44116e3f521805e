// OperatorTable: the operators that the runtime knows, one alphabetical line each; a test compares it with the folder.

import LTCore
import LTGraph

/// The operators by domain and name.
public enum OperatorTable {
    public static let all: [any ValueOperator.Type] = [
        AbsOperator.self,
        AcosOperator.self,
        AcoshOperator.self,
        ActivationOperator.self,
        AddOperator.self,
        AffineGridOperator.self,
        AndOperator.self,
        AppendingLoopOperator.self,
        ArgMaxOperator.self,
        ArgMinOperator.self,
        ArrayFeatureExtractorOperator.self,
        AsinOperator.self,
        AsinhOperator.self,
        AtanOperator.self,
        AtanhOperator.self,
        AttentionOperator.self,
        AveragePoolOperator.self,
        BatchNormalizationOperator.self,
        BernoulliOperator.self,
        BinarizerOperator.self,
        BitShiftOperator.self,
        BitwiseAndOperator.self,
        BitwiseNotOperator.self,
        BitwiseOrOperator.self,
        BitwiseXorOperator.self,
        BlackmanWindowOperator.self,
        CastOperator.self,
        CastLikeOperator.self,
        CategoryMapperOperator.self,
        CeilOperator.self,
        CeluOperator.self,
        CenterCropPadOperator.self,
        ChannelAffineOperator.self,
        ClipOperator.self,
        Col2ImOperator.self,
        CompressOperator.self,
        ConcatOperator.self,
        ConcatFromSequenceOperator.self,
        ConstantOperator.self,
        ConstantOfShapeOperator.self,
        ConvOperator.self,
        ConvIntegerOperator.self,
        ConvTransposeOperator.self,
        CosOperator.self,
        CoshOperator.self,
        CumSumOperator.self,
        DFTOperator.self,
        DeformConvOperator.self,
        DepthToSpaceOperator.self,
        DepthwiseConvOperator.self,
        DequantizeLinearOperator.self,
        DetOperator.self,
        DivOperator.self,
        DropoutOperator.self,
        DynamicQuantizeLinearOperator.self,
        EinsumOperator.self,
        EluOperator.self,
        EqualOperator.self,
        ErfOperator.self,
        ExpOperator.self,
        ExpandOperator.self,
        EyeLikeOperator.self,
        FeatureVectorizerOperator.self,
        FlattenOperator.self,
        FloorOperator.self,
        FusedAttentionOperator.self,
        FusedConvOperator.self,
        GRUOperator.self,
        GatherOperator.self,
        GatherElementsOperator.self,
        GatherNDOperator.self,
        GatherRowsOperator.self,
        GeluOperator.self,
        GemmOperator.self,
        GlobalAveragePoolOperator.self,
        GlobalLpPoolOperator.self,
        GlobalMaxPoolOperator.self,
        GreaterOperator.self,
        GreaterOrEqualOperator.self,
        GridSampleOperator.self,
        GroupNormalizationOperator.self,
        HammingWindowOperator.self,
        HannWindowOperator.self,
        HardSigmoidOperator.self,
        HardSwishOperator.self,
        HardmaxOperator.self,
        IdentityOperator.self,
        IfOperator.self,
        ImageDecoderOperator.self,
        ImputerOperator.self,
        InstanceNormalizationOperator.self,
        IsInfOperator.self,
        IsNaNOperator.self,
        LRNOperator.self,
        LSTMOperator.self,
        LabelEncoderOperator.self,
        LayerNormalizationOperator.self,
        LeakyReluOperator.self,
        LessOperator.self,
        LessOrEqualOperator.self,
        LinearOperator.self,
        LinearClassifierOperator.self,
        LinearRegressorOperator.self,
        LogOperator.self,
        LogSoftmaxOperator.self,
        LoopOperator.self,
        LpNormalizationOperator.self,
        LpPoolOperator.self,
        MatMulOperator.self,
        MatMulIntegerOperator.self,
        MaxOperator.self,
        MaxPoolOperator.self,
        MaxRoiPoolOperator.self,
        MaxUnpoolOperator.self,
        MeanOperator.self,
        MeanVarianceNormalizationOperator.self,
        MelWeightMatrixOperator.self,
        MinOperator.self,
        MishOperator.self,
        ModOperator.self,
        MulOperator.self,
        MultinomialOperator.self,
        NegOperator.self,
        NegativeLogLikelihoodLossOperator.self,
        NonMaxSuppressionOperator.self,
        NonZeroOperator.self,
        NormalizerOperator.self,
        NotOperator.self,
        OneHotOperator.self,
        OneHotEncoderOperator.self,
        OptionalOperator.self,
        OptionalGetElementOperator.self,
        OptionalHasElementOperator.self,
        OrOperator.self,
        PReluOperator.self,
        PadOperator.self,
        PowOperator.self,
        QGemmOperator.self,
        QLinearAddOperator.self,
        QLinearAveragePoolOperator.self,
        QLinearConcatOperator.self,
        QLinearConvOperator.self,
        QLinearGlobalAveragePoolOperator.self,
        QLinearLeakyReluOperator.self,
        QLinearMatMulOperator.self,
        QLinearMulOperator.self,
        QLinearSigmoidOperator.self,
        QLinearSoftmaxOperator.self,
        QuantizeLinearOperator.self,
        QuantizedConvOperator.self,
        RMSNormalizationOperator.self,
        RNNOperator.self,
        RandomNormalOperator.self,
        RandomNormalLikeOperator.self,
        RandomUniformOperator.self,
        RandomUniformLikeOperator.self,
        RangeOperator.self,
        ReciprocalOperator.self,
        ReduceL1Operator.self,
        ReduceL2Operator.self,
        ReduceLogSumOperator.self,
        ReduceLogSumExpOperator.self,
        ReduceMaxOperator.self,
        ReduceMeanOperator.self,
        ReduceMinOperator.self,
        ReduceProdOperator.self,
        ReduceSumOperator.self,
        ReduceSumSquareOperator.self,
        RegexFullMatchOperator.self,
        ReluOperator.self,
        ReshapeOperator.self,
        ResizeOperator.self,
        ReverseSequenceOperator.self,
        RoiAlignOperator.self,
        RotaryEmbeddingOperator.self,
        RoundOperator.self,
        STFTOperator.self,
        SVMClassifierOperator.self,
        SVMRegressorOperator.self,
        ScalerOperator.self,
        ScanOperator.self,
        ScatterOperator.self,
        ScatterElementsOperator.self,
        ScatterNDOperator.self,
        ScatterRowsOperator.self,
        SeluOperator.self,
        SequenceAtOperator.self,
        SequenceConstructOperator.self,
        SequenceEmptyOperator.self,
        SequenceEraseOperator.self,
        SequenceInsertOperator.self,
        SequenceLengthOperator.self,
        SequenceMapOperator.self,
        ShapeOperator.self,
        ShrinkOperator.self,
        SigmoidOperator.self,
        SignOperator.self,
        SinOperator.self,
        SinhOperator.self,
        SizeOperator.self,
        SliceOperator.self,
        SoftmaxOperator.self,
        SoftmaxCrossEntropyLossOperator.self,
        SoftplusOperator.self,
        SoftsignOperator.self,
        SpaceToDepthOperator.self,
        SplitOperator.self,
        SplitToSequenceOperator.self,
        SqrtOperator.self,
        SqueezeOperator.self,
        StringConcatOperator.self,
        StringNormalizerOperator.self,
        StringSplitOperator.self,
        SubOperator.self,
        SumOperator.self,
        SwishOperator.self,
        TanOperator.self,
        TanhOperator.self,
        TensorScatterOperator.self,
        TfIdfVectorizerOperator.self,
        ThresholdedReluOperator.self,
        TileOperator.self,
        TopKOperator.self,
        TransposeOperator.self,
        TreeEnsembleOperator.self,
        TreeEnsembleClassifierOperator.self,
        TreeEnsembleRegressorOperator.self,
        TriluOperator.self,
        UniqueOperator.self,
        UnsqueezeOperator.self,
        UpsampleOperator.self,
        WhereOperator.self,
        XorOperator.self,
    ]

    /// By domain, then by name.
    private static let byName: [String: [String: any ValueOperator.Type]] = {
        var table: [String: [String: any ValueOperator.Type]] = [:]
        for type in all { table[type.schema.domain, default: [:]][type.schema.name] = type }
        return table
    }()

    /// The operator of that name, when the table has it.
    public static func find(_ opType: String, domain: String = "") -> (any ValueOperator.Type)? {
        byName[domain == "ai.onnx" ? "" : domain]?[opType]
    }

    /// The operator of that name in that opset version of its domain.
    /// - Throws: `unsupported`, which says whether the operator or only the version is unknown.
    public static func lookup(
        _ opType: String, domain: String = "", opset: Int
    ) throws(LTError) -> any ValueOperator.Type {
        func name() -> String { "\(domain.isEmpty ? "ai.onnx" : domain)::\(opType)" }
        guard let type = find(opType, domain: domain) else {
            throw LTError(
                .unsupported, "operator \(name()) is not in the operator table", hint: "see docs/operators.md")
        }
        let opsets = type.schema.opsets
        guard opsets.contains(opset) else {
            throw LTError(
                .unsupported,
                "operator \(name()) in opset \(opset), expected opset \(opsets.lowerBound) to \(opsets.upperBound)",
                hint: "see docs/operators.md")
        }
        return type
    }

    /// Reads a node as its operator.
    /// - Throws: `unsupported` for operators and opset versions that are not in the table, `malformed` for a wrong number
    ///   of inputs or outputs, and what the operator finds wrong with the attributes.
    public static func bind(_ node: Node, opset: Int) throws(LTError) -> any ValueOperator {
        let type = try lookup(node.opType, domain: node.domain, opset: opset)
        for (count, range, word) in [
            (node.inputs.count, type.schema.inputs, "inputs"), (node.outputs.count, type.schema.outputs, "outputs"),
        ] where !range.contains(count) {
            throw LTError(.malformed, "\(node.opType) has \(count) \(word), expected \(text(of: range))")
        }
        return try type.init(OperatorNode(node, opset: opset))
    }

    /// docs/operators.md: what the schemas say, as a Markdown table.
    public static func markdown() -> String {
        var text = """
            # Operators

            Generated from the schemas of `Sources/LTRuntime/Operators` (`lt-infer operators`); do not edit by hand.
            Opset: the versions of the operator's domain that are honoured. Types: what input 0 may hold.

            | operator | domain | opset | inputs | outputs | types |
            |---|---|---|---|---|---|

            """
        for type in all {
            let schema = type.schema
            let domain = schema.domain.isEmpty ? "ai.onnx" : schema.domain
            let opsets = "\(schema.opsets.lowerBound)–\(schema.opsets.upperBound)"
            text += "| \(schema.name) | \(domain) | \(opsets) | \(self.text(of: schema.inputs)) |"
            text += " \(self.text(of: schema.outputs)) | \(self.text(of: schema.types)) |\n"
        }
        return text
    }

    private static func text(of range: ClosedRange<Int>) -> String {
        if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
        return range.upperBound == Int.max
            ? "\(range.lowerBound) or more" : "\(range.lowerBound)–\(range.upperBound)"
    }

    private static func text(of types: Set<ElementType>) -> String {
        if types == .all { return "all" }
        return types.sorted { $0.rawValue < $1.rawValue }.map(\.onnxName).joined(separator: ", ")
    }
}

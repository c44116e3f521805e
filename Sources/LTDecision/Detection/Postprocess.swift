// Postprocess: how a detector's outputs become detections, the value of `lt.postprocess`. What is absent is inferred from
// the outputs' names, types and shapes where these leave no doubt (DetectionHead). docs/decision-layer.md lists the keys.

import LTCore

extension DecisionLayer {
    /// What happens to detections before they are decisions.
    public struct Postprocess: Sendable, Equatable {
        /// What an output, or a column of a packed one, holds.
        public enum Role: String, Sendable, Codable, CaseIterable {
            /// [K, 4]
            case boxes
            /// [K, classes], or [K] beside labels.
            case scores
            /// [K], one class each: the model has chosen already.
            case labels
            /// [K, 1], a factor of every score.
            case objectness
            /// How many of the K rows count.
            case count
            /// [K, h, w] probabilities.
            case masks
            /// [K, P], weights of the prototypes.
            case coefficients
            /// [P, h, w]: masks are the sigmoid of their weighted sums.
            case prototypes
            /// Several of these side by side, see `packed`.
            case packed
        }
        public enum BoxFormat: String, Sendable, Codable, CaseIterable { case xyxy, xywh, cxcywh }
        /// Of box coordinates: pixels of the input tensor, or shares of its width and height.
        public enum BoxUnit: String, Sendable, Codable, CaseIterable { case pixels, relative }
        /// Between which boxes suppression happens: those of one class, or all.
        public enum SuppressionScope: String, Sendable, Codable, CaseIterable { case each, all }
        /// Whether a box becomes a detection of its best class only, or of each class that reaches the threshold.
        public enum ClassesPerBox: String, Sendable, Codable, CaseIterable { case best, all }
        /// What labels are: ids of `lt.labels` or positions in it.
        public enum LabelValues: String, Sendable, Codable, CaseIterable { case id, index }
        /// Which column of the scores, or which label, means that nothing is there.
        public enum Background: String, Sendable, Codable, CaseIterable { case none, first, last }
        /// What a mask covers: its box, or the whole input tensor.
        public enum MaskFrame: String, Sendable, Codable, CaseIterable { case box, image }

        /// Detections below this calibrated score are dropped. Default: 0.
        public var scoreThreshold: Float?
        /// Intersection over union above which the lower of two boxes is suppressed; `nil`: no suppression here.
        public var nmsIoU: Float?
        /// Default: each.
        public var nmsClasses: SuppressionScope?
        /// Candidates of highest score that suppression looks at. Default: 30,000.
        public var maxCandidates: Int?
        /// Detections kept per image, best first. Default: 300.
        public var maxDetections: Int?
        /// Default: all.
        public var classesPerBox: ClassesPerBox?
        /// Role → name of the output.
        public var outputs: [Role: String]?
        /// What the columns of the packed output are, in order.
        public var packed: [Role]?
        public var boxFormat: BoxFormat?
        public var boxUnit: BoxUnit?
        /// Default: id.
        public var labelValues: LabelValues?
        public var background: Background?
        public var maskFrame: MaskFrame?
        /// A pixel belongs to the mask when its probability is above this. Default: 0.5.
        public var maskThreshold: Float?

        public init(scoreThreshold: Float? = nil, nmsIoU: Float? = nil, maxDetections: Int? = nil) {
            self.scoreThreshold = scoreThreshold
            self.nmsIoU = nmsIoU
            self.maxDetections = maxDetections
        }

        /// This with what `other` says put over it.
        public func overlaid(by other: Postprocess) -> Postprocess {
            var result = self
            func put<Value>(_ path: WritableKeyPath<Postprocess, Value?>) {
                if let value = other[keyPath: path] { result[keyPath: path] = value }
            }
            put(\.scoreThreshold)
            put(\.nmsIoU)
            put(\.nmsClasses)
            put(\.maxCandidates)
            put(\.maxDetections)
            put(\.classesPerBox)
            put(\.packed)
            put(\.boxFormat)
            put(\.boxUnit)
            put(\.labelValues)
            put(\.background)
            put(\.maskFrame)
            put(\.maskThreshold)
            if let outputs = other.outputs { result.outputs = (self.outputs ?? [:]).merging(outputs) { $1 } }
            return result
        }

        /// Checks ranges.
        /// - Throws: `invalidArgument` naming the key.
        func validate() throws(LTError) {
            func fail(_ key: CodingKeys, _ actual: String, _ expected: String) -> LTError {
                LTError(.invalidArgument, "lt.postprocess \(key.rawValue) is \(actual), expected \(expected)")
            }
            if let maxDetections, maxDetections < 0 { throw fail(.maxDetections, "\(maxDetections)", "at least 0") }
            if let maxCandidates, maxCandidates < 1 { throw fail(.maxCandidates, "\(maxCandidates)", "at least 1") }
            if let nmsIoU, !(0...1).contains(nmsIoU) { throw fail(.nmsIoU, "\(nmsIoU)", "0…1") }
            if let scoreThreshold, scoreThreshold.isNaN { throw fail(.scoreThreshold, "nan", "a number") }
            if let maskThreshold, !maskThreshold.isFinite {
                throw fail(.maskThreshold, "\(maskThreshold)", "a finite number")
            }
            if let packed {
                let columns: Set<Role> = [.boxes, .scores, .labels, .objectness, .coefficients]
                guard packed.contains(.boxes), packed.contains(.scores), columns.isSuperset(of: packed),
                    Set(packed).count == packed.count
                else {
                    throw fail(
                        .packed, packed.map(\.rawValue).joined(separator: ","),
                        "boxes and scores, and of labels, objectness and coefficients what there is")
                }
            }
        }
    }
}

/// JSON: see docs/decision-layer.md; an unknown key is refused by name.
extension DecisionLayer.Postprocess: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case scoreThreshold = "score_threshold"
        case nmsIoU = "nms_iou"
        case nmsClasses = "nms_classes"
        case maxCandidates = "max_candidates"
        case maxDetections = "max_detections"
        case classesPerBox = "classes_per_box"
        case outputs, packed
        case boxFormat = "box_format"
        case boxUnit = "box_unit"
        case labelValues = "label_values"
        case background
        case maskFrame = "mask_frame"
        case maskThreshold = "mask_threshold"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.knownKeys(CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
            try values.decodeIfPresent(Value.self, forKey: key)
        }
        scoreThreshold = try read(.scoreThreshold)
        nmsIoU = try read(.nmsIoU)
        nmsClasses = try read(.nmsClasses)
        maxCandidates = try read(.maxCandidates)
        maxDetections = try read(.maxDetections)
        classesPerBox = try read(.classesPerBox)
        if let names: [String: String] = try read(.outputs) {
            var outputs: [Role: String] = [:]
            for (word, name) in names {
                guard let role = Role(rawValue: word) else {
                    let words = Role.allCases.map(\.rawValue).joined(separator: ", ")
                    throw LTError(.unsupported, "outputs has the role '\(word.prefix(80))', expected some of \(words)")
                }
                outputs[role] = name
            }
            self.outputs = outputs
        }
        packed = try read(.packed)
        boxFormat = try read(.boxFormat)
        boxUnit = try read(.boxUnit)
        labelValues = try read(.labelValues)
        background = try read(.background)
        maskFrame = try read(.maskFrame)
        maskThreshold = try read(.maskThreshold)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(scoreThreshold, forKey: .scoreThreshold)
        try values.encodeIfPresent(nmsIoU, forKey: .nmsIoU)
        try values.encodeIfPresent(nmsClasses, forKey: .nmsClasses)
        try values.encodeIfPresent(maxCandidates, forKey: .maxCandidates)
        try values.encodeIfPresent(maxDetections, forKey: .maxDetections)
        try values.encodeIfPresent(classesPerBox, forKey: .classesPerBox)
        if let outputs {
            let names = outputs.map { ($0.key.rawValue, $0.value) }
            try values.encode(Dictionary(names) { first, _ in first }, forKey: .outputs)
        }
        try values.encodeIfPresent(packed, forKey: .packed)
        try values.encodeIfPresent(boxFormat, forKey: .boxFormat)
        try values.encodeIfPresent(boxUnit, forKey: .boxUnit)
        try values.encodeIfPresent(labelValues, forKey: .labelValues)
        try values.encodeIfPresent(background, forKey: .background)
        try values.encodeIfPresent(maskFrame, forKey: .maskFrame)
        try values.encodeIfPresent(maskThreshold, forKey: .maskThreshold)
    }
}

// DecisionLayer: what turns a model's raw outputs into decisions. It travels in the ONNX file (metadata_props, `lt.*`),
// so that the command line, a server and a C host decide alike. docs/decision-layer.md is the format's definition.

import LTCore
import LTImage

/// What a model file says about its outputs. `nil` means the file does not say; flags fill it in, and what nobody says
/// is an error where it is needed.
public struct DecisionLayer: Sendable, Equatable {
    /// What the outputs mean.
    public enum Task: String, Sendable, Codable, CaseIterable {
        /// One score per class, exactly one class is right.
        case multiclass
        /// One score per class, any number of classes is right.
        case multilabel
        /// Objects with boxes, and masks if the model has them.
        case detection
        /// Objects with boxes and masks.
        case segmentation
        /// A clip of frames, one score per class, exactly one class is right.
        case clip

        /// Whether the outputs are objects with boxes (and masks), not one score per class.
        public var isDetection: Bool { self == .detection || self == .segmentation }
    }

    /// What makes a score in 0…1 of a raw output.
    public enum Activation: String, Sendable, Codable, CaseIterable {
        case sigmoid
        case softmax
        /// The outputs are scores already.
        case none
    }

    /// One class: the dataset's own number and its name. Its position in `labels` is the output column.
    public struct Label: Sendable, Equatable, Codable {
        public var id: Int
        public var name: String

        public init(id: Int, name: String) {
            self.id = id
            self.name = name
        }
    }

    /// Where the model comes from.
    public struct Provenance: Sendable, Equatable, Codable {
        /// The recipe's text or name.
        public var recipe: String?
        public var loss: String?
        public var seed: UInt64?
        /// Program or library → version.
        public var versions: [String: String]?
        /// Input (training annotations, initial weights, …) → `sha256:` digest.
        public var digests: [String: String]?

        public init(
            recipe: String? = nil, loss: String? = nil, seed: UInt64? = nil, versions: [String: String]? = nil,
            digests: [String: String]? = nil
        ) {
            self.recipe = recipe
            self.loss = loss
            self.seed = seed
            self.versions = versions
            self.digests = digests
        }
    }

    /// The version of the format that this code reads and writes.
    public static let currentSchema = 1

    public var task: Task?
    /// From the encoded image to the input tensor.
    public var preprocess: Preprocess?
    /// Of a model of clips: which frames it sees.
    public var clip: ClipSampling?
    public var labels: [Label]?
    /// Training images that contain each class, in the order of `labels`.
    public var trainCounts: [Int]?
    /// How `trainCounts` split the classes into frequency groups.
    public var groups: FrequencyGroups?
    public var activation: Activation?
    public var calibration: Calibration?
    public var thresholds: Thresholds?
    public var postprocess: Postprocess?
    public var provenance: Provenance?
    public var selfTest: SelfTest?
    /// Where the graph also makes scores and decisions itself.
    public var outputs: GraphOutputs?

    public init(
        task: Task? = nil, preprocess: Preprocess? = nil, clip: ClipSampling? = nil, labels: [Label]? = nil,
        trainCounts: [Int]? = nil,
        groups: FrequencyGroups? = nil,
        activation: Activation? = nil, calibration: Calibration? = nil, thresholds: Thresholds? = nil,
        postprocess: Postprocess? = nil, provenance: Provenance? = nil, selfTest: SelfTest? = nil,
        outputs: GraphOutputs? = nil
    ) {
        self.task = task
        self.preprocess = preprocess
        self.clip = clip
        self.labels = labels
        self.trainCounts = trainCounts
        self.groups = groups
        self.activation = activation
        self.calibration = calibration
        self.thresholds = thresholds
        self.postprocess = postprocess
        self.provenance = provenance
        self.selfTest = selfTest
        self.outputs = outputs
    }
}

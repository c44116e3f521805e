// RunInfo: what a prediction store says of the run that fills it: which model, under which settings, by which programs.

import LTCore
import LTDecision

/// The run behind a store. Two runs may share a store only if model digest and settings digest are equal.
public struct RunInfo: Sendable, Equatable {
    /// The model file's path, for people.
    public var model: String
    /// SHA-256 of the model's content, 64 hexadecimal digits.
    public var modelDigest: String
    /// Everything besides the model that may change a raw output or its meaning: preprocessing, precision, ….
    public var settings: [String: String]
    /// Program or library → version; recorded, never compared.
    public var versions: [String: String]
    /// Raw outputs per image; of a detector its classes (0 when it does not say).
    public var columns: Int
    /// How raw outputs become decisions, as the model said when it ran (the self-test is not kept).
    public var layer: DecisionLayer

    public init(
        model: String, modelDigest: String, settings: [String: String], versions: [String: String] = [:], columns: Int,
        layer: DecisionLayer
    ) {
        self.model = model
        self.modelDigest = modelDigest
        self.settings = settings
        self.versions = versions
        self.columns = columns
        self.layer = layer
        self.layer.selfTest = nil
    }

    /// Whether images have detections instead of scores.
    public var holdsDetections: Bool { layer.task?.isDetection == true }

    /// SHA-256 over the settings, one `key=value` line each, sorted by key.
    public var settingsDigest: String {
        var hash = SHA256()
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) { hash.update("\(key)=\(value)\n") }
        return hash.digest
    }
}

/// What tells a changed file from an unchanged one without reading it.
public struct FileStamp: Sendable, Hashable {
    /// Bytes.
    public var size: Int64
    /// Time of the last change, nanoseconds since 1970.
    public var modified: Int64

    public init(size: Int64, modified: Int64) {
        self.size = size
        self.modified = modified
    }
}

/// One image of a store.
public struct StoredImage: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        /// The model's raw outputs, before activation and calibration.
        case scores([Float])
        /// A detector's objects, best first.
        case detections([Detection])
        /// Why there is neither.
        case failed(String)

        public init(_ prediction: Prediction) {
            switch prediction {
            case .scores(let scores): self = .scores(scores)
            case .detections(let detections): self = .detections(detections)
            }
        }

        /// What was predicted; `nil` for an image that failed.
        public var prediction: Prediction? {
            switch self {
            case .scores(let scores): .scores(scores)
            case .detections(let detections): .detections(detections)
            case .failed: nil
            }
        }
    }

    /// As the run was given it.
    public var path: String
    /// `nil` when the file could not be read: such an image is tried again by the next run.
    public var stamp: FileStamp?
    /// SHA-256 of the file's content, 64 hexadecimal digits.
    public var digest: String?
    /// Pixels of the upright image.
    public var width: Int?
    public var height: Int?
    public var outcome: Outcome

    public init(
        path: String, stamp: FileStamp?, digest: String?, width: Int? = nil, height: Int? = nil, outcome: Outcome
    ) {
        self.path = path
        self.stamp = stamp
        self.digest = digest
        self.width = width
        self.height = height
        self.outcome = outcome
    }
}

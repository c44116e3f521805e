// Sample: one image made ready for the model, and SampleBatch: samples that go through it together.

import LTCore
import LTImage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One image's tensor, and how it was made of the image.
public struct Sample: Sendable {
    /// [channels, height, width] or [height, width, channels]; of a clip [channels, frames, height, width] or
    /// [frames, channels, height, width].
    public let tensor: Tensor
    public let geometry: ImageGeometry
}

/// Samples for one run. It copies what it is given when a batch has one shape; a sample of a shape of its own is kept.
public final class SampleBatch {
    public let capacity: Int
    public private(set) var geometries: [ImageGeometry] = []
    private let predictor: Predictor
    /// Room for `capacity` samples of one shape, padded to whole batches of a fixed size.
    private let buffer: Buffer?
    private var own: Tensor?

    /// - Parameter capacity: samples that fit; see `Predictor.largestBatch`.
    /// - Throws: `invalidArgument` for more than the model takes at once; `outOfMemory`.
    public init(_ predictor: Predictor, capacity: Int) throws(LTError) {
        guard 1...predictor.largestBatch ~= capacity else {
            throw LTError(
                .invalidArgument, "batch \(capacity), the model takes \(predictor.largestBatch) at a time",
                hint: "give --batch \(predictor.largestBatch)")
        }
        self.predictor = predictor
        self.capacity = capacity
        if let shape = predictor.sampleShape {
            let fixed = predictor.input.fixedBatch ?? 1
            let padded = (capacity + fixed - 1) / fixed * fixed
            buffer = try Buffer(byteCount: padded * shape.count * 4)
        } else {
            buffer = nil
        }
    }

    public var count: Int { geometries.count }
    public var isFull: Bool { count == capacity }

    /// Adds a sample; there must be room.
    public func append(_ sample: Sample) {
        precondition(!isFull, "the batch is full")
        if let buffer {
            let bytes = sample.tensor.byteCount
            memcpy(buffer.pointer + count * bytes, sample.tensor.rawPointer, bytes)
        } else {
            own = sample.tensor
        }
        geometries.append(sample.geometry)
    }

    public func removeAll() {
        geometries.removeAll(keepingCapacity: true)
        own = nil
    }

    /// The model's input for samples from `start` on: all of them, or as many as the file is exported for.
    func piece(from start: Int) throws(LTError) -> (input: Tensor, geometries: [ImageGeometry]) {
        let taken = min(predictor.input.fixedBatch ?? capacity, count - start)
        let part = Array(geometries[start..<start + taken])
        guard let buffer, let shape = predictor.sampleShape else {
            guard let own else { throw LTError(.invalidArgument, "an empty batch") }
            return (try own.reshaped(try predictor.input.shape(own.shape, count: 1)), part)
        }
        let fixed = predictor.input.fixedBatch ?? taken
        let bytes = shape.count * 4
        memset(buffer.pointer + (start + taken) * bytes, 0, (fixed - taken) * bytes)
        let whole = try predictor.input.shape(shape, count: fixed)
        return (Tensor(.float32, whole, buffer: buffer, byteOffset: start * bytes), part)
    }
}

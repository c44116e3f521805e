// Trainer+Benchmark: how long training steps of a recipe take; nothing is written.

import Foundation
import LTCore
import LTData
import LTDecision
import LTImage

/// Durations of steps, in milliseconds.
public struct StepTimes: Codable, Sendable, CustomStringConvertible {
    /// Forward, loss, backward and update, one entry per step.
    public var steps: [Double]
    /// Waiting for the batch before each step.
    public var waits: [Double]
    public var batch: Int
    public var threads: Int
    public var libtorch: String

    public static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
    /// The share of the whole time that went into waiting for data.
    public var waitedShare: Double {
        let waited = waits.reduce(0, +)
        let all = waited + steps.reduce(0, +)
        return all > 0 ? waited / all : 0
    }

    public var description: String {
        let median = Self.median(steps)
        return String(
            format: """
                step     %.2f ms median, %.2f least, of %d
                images   %.1f per second, batch %d, %d threads, libtorch %@
                waiting  %.1f %% of the time for data
                """, median, steps.min() ?? .nan, steps.count, 1000 * Double(batch) / median, batch, threads, libtorch,
            100 * waitedShare)
    }
}

extension Trainer {
    /// Runs steps from the start of the run and times them, at a learning rate of 0: without the recipe's warm-up, and on noise,
    /// weights would diverge.
    /// - Parameter warmUp: steps before, not counted.
    /// - Throws: what a run would throw.
    public func benchmark(steps: Int, warmUp: Int = 3) throws(LTError) -> StepTimes {
        var times = StepTimes(
            steps: [], waits: [], batch: recipe.batch * recipe.accumulate, threads: options.threads,
            libtorch: Torch.version)
        let batches = batches(from: 0, to: warmUp + steps)
        defer { batches.stop() }
        for iteration in 0..<warmUp + steps {
            let start = ContinuousClock.now
            let waited = self.times.waiting
            _ = try step(batches, iteration: iteration, rate: 0)
            guard iteration >= warmUp else { continue }
            let wait = (self.times.waiting - waited) * 1e3
            times.waits.append(wait)
            times.steps.append(seconds(since: start) * 1e3 - wait)
        }
        return times
    }
}

extension TrainingSet {
    /// Images of noise in memory with one class each, for benchmarks; clips of them where the input is one.
    /// - Throws: `outOfMemory`.
    public static func noise(classes: Int, _ input: InputOptions, seed: UInt64 = 1) throws(LTError) -> TrainingSet {
        let (count, side) = (max(64, classes), input.size)
        // A clip has two frames at least, else it would be an image.
        let frames = input.clip.map { max(2, $0.frames) } ?? 1
        let archive = try PixelArchive.noise(pictures: count * frames, side: side, seed: seed)
        return TrainingSet(
            samples: (0..<count).map { .archived(archive, $0 * frames..<($0 + 1) * frames, name: "noise #\($0)") },
            targets: (0..<count).map { [$0 % classes] },
            labels: (0..<classes).map { DecisionLayer.Label(id: $0 + 1, name: "class \($0 + 1)") })
    }
}

extension DetectionSet {
    /// Square pictures of noise in memory with eight objects each, rectangles with masks anywhere, for benchmarks.
    /// - Throws: `outOfMemory`.
    public static func noise(
        classes: Int, _ input: InputOptions, needsMasks: Bool, seed: UInt64 = 1
    ) throws(LTError) -> DetectionSet {
        let (count, side) = (16, input.size)
        var generator = SeededGenerator(seed: seed, index: 1)
        var annotations: [Dataset.Annotation] = []
        for index in 0..<8 * count {
            let (width, height) = (side / 8 + generator.below(side / 4), side / 8 + generator.below(side / 4))
            let (x, y) = (generator.below(side - width), generator.below(side - height))
            // Column by column: what lies before, then the rectangle's columns with what lies between them.
            var runs = [UInt32(x * side + y)]
            for _ in 0..<width { runs += [UInt32(height), UInt32(side - height)] }
            annotations.append(
                Dataset.Annotation(
                    id: index + 1, image: index / 8, category: index % classes,
                    box: .init(x: Double(x), y: Double(y), width: Double(width), height: Double(height)),
                    segmentation: .runs(runs, width: side, height: side)))
        }
        let dataset = Dataset(
            source: "noise", imageFolder: "",
            categories: (0..<classes).map { Dataset.Category(id: $0 + 1, name: "class \($0 + 1)") },
            images: (0..<count).map { index in
                Dataset.Image(
                    id: index + 1, path: "noise #\(index)", width: side, height: side,
                    labels: Set((8 * index..<8 * index + 8).map { $0 % classes }).sorted())
            }, annotations: annotations, archive: try PixelArchive.noise(pictures: count, side: side, seed: seed))
        return try DetectionSet(dataset, needsMasks: needsMasks)
    }
}

extension PixelArchive {
    fileprivate static func noise(pictures: Int, side: Int, seed: UInt64) throws(LTError) -> PixelArchive {
        let (size, overflow) = (3 * pictures).multipliedReportingOverflow(by: side * side)
        guard !overflow, size <= 1 << 31 else {
            throw LTError(.outOfMemory, "\(pictures) images of \(side)×\(side), at most 2 GiB are made up")
        }
        var generator = SeededGenerator(seed: seed)
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: generator.next()) }
            initialized = size
        }
        return try PixelArchive(width: side, height: side, pixels: pixels)
    }
}

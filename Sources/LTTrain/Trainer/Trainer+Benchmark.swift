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
    /// Runs steps from the start of the run and times them.
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
            _ = try step(batches, iteration: iteration, rate: recipe.optimizer.learningRate)
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
        let (size, overflow) = (3 * count * frames).multipliedReportingOverflow(by: side * side)
        guard !overflow, size <= 1 << 31 else {
            throw LTError(.outOfMemory, "\(count * frames) images of \(side)×\(side), at most 2 GiB are made up")
        }
        var generator = SeededGenerator(seed: seed)
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: generator.next()) }
            initialized = size
        }
        let archive = try PixelArchive(width: side, height: side, pixels: pixels)
        return TrainingSet(
            samples: (0..<count).map { .archived(archive, $0 * frames..<($0 + 1) * frames, name: "noise #\($0)") },
            targets: (0..<count).map { [$0 % classes] },
            labels: (0..<classes).map { DecisionLayer.Label(id: $0 + 1, name: "class \($0 + 1)") })
    }
}

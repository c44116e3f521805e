// ModelProfile: where the time of a model goes: each step's median time over several runs, beside what the machine could do.

import Foundation
import LTCore
import LTRuntime

/// Times of a model's steps; part of `lt-infer bench --profile`.
public struct ModelProfile: Sendable, Encodable {
    public struct Step: Sendable, Encodable {
        public let node: String
        public let op: String
        public let kernel: String
        public let layout: String
        public let shape: [Int]?
        public let ms: Double
        /// 10^9 operations of the node's definition per second; `nil` for what is neither convolution nor matrix product.
        public let gflops: Double?
    }

    /// What the session's threads can do together in float32 multiply-adds, measured now; 0 where nothing was measured.
    public let peak_gflops: Double
    /// In the order in which they run.
    public let steps: [Step]

    /// - Parameter runs: the steps of each run; those of different lengths than the first (shapes that come with the data) are
    ///   left out.
    init(_ runs: [[StepProfile.Entry]], threads: Int) {
        let rows = runs.first?.map(\.row) ?? []
        let alike = runs.filter { $0.count == rows.count }
        steps = rows.indices.map { index in
            let times = alike.map { $0[index].nanoseconds }.sorted()
            let row = rows[index]
            let nanoseconds = Double(times[times.count / 2])
            return Step(
                node: row.node, op: row.op, kernel: row.kernel, layout: row.layout, shape: row.shape,
                ms: nanoseconds / 1e6, gflops: row.flops.flatMap { nanoseconds > 0 ? $0 / nanoseconds : nil })
        }
        peak_gflops = Machine.peakGFLOPs(threads: threads)
    }

    private var total: Double { steps.reduce(0) { $0 + $1.ms } }

    /// Chrome's trace event format, one complete event per step, for chrome://tracing or Perfetto.
    var trace: String {
        struct Event: Encodable {
            let name: String, cat: String, ph: String
            let ts: Double, dur: Double
            let pid: Int, tid: Int
            let args: [String: String]
        }
        var time = 0.0
        var events: [Event] = []
        for step in steps {
            var args = [
                "op": step.op, "kernel": step.kernel, "layout": step.layout, "shape": step.shape.map { "\($0)" } ?? "?",
            ]
            if let gflops = step.gflops { args["GFLOP/s"] = String(format: "%.1f", gflops) }
            events.append(
                Event(
                    name: step.node, cat: step.op, ph: "X", ts: time, dur: 1000 * step.ms, pid: 1, tid: 1, args: args))
            time += 1000 * step.ms
        }
        return jsonText(["traceEvents": events])
    }
}

extension ModelProfile: CustomStringConvertible {
    private static let shown = 40

    /// Two tables: the kernels, and the nodes that take longest.
    public var description: String {
        struct Sum {
            var ms = 0.0
            var counted = 0.0
            var work = 0.0
            var steps = 0
        }
        var kernels: [String: Sum] = [:]
        for step in steps {
            let key = "\(step.op)\u{1}\(step.kernel)"
            kernels[key, default: Sum()].ms += step.ms
            kernels[key, default: Sum()].steps += 1
            if let gflops = step.gflops {
                kernels[key, default: Sum()].work += gflops * step.ms
                kernels[key, default: Sum()].counted += step.ms
            }
        }
        var lines = [
            String(
                format: "machine's float32 peak: %.1f GFLOP/s; %d steps, %.3f ms in all", peak_gflops, steps.count,
                total),
            "      ms  share   GFLOP/s  of peak  steps  operator and kernel",
        ]
        for (key, sum) in kernels.sorted(by: { ($1.value.ms, $0.key) < ($0.value.ms, $1.key) }) {
            let name = key.split(separator: "\u{1}").joined(separator: ", ")
            lines.append(
                row(sum.ms, sum.counted > 0 ? sum.work / sum.counted : nil) + String(format: "%7d  ", sum.steps) + name)
        }
        lines += ["", "      ms  share   GFLOP/s  of peak  node: operator, kernel, layout, shape"]
        let slowest = steps.sorted { $0.ms > $1.ms }
        for step in slowest.prefix(Self.shown) {
            let shape = step.shape.map { "[" + $0.map(String.init).joined(separator: ",") + "]" } ?? "?"
            lines.append(
                row(step.ms, step.gflops) + "  \(step.node): \(step.op), \(step.kernel), \(step.layout), \(shape)")
        }
        let rest = slowest.dropFirst(Self.shown)
        if !rest.isEmpty {
            lines.append(row(rest.reduce(0) { $0 + $1.ms }, nil) + "  \(rest.count) more, all of them in the trace")
        }
        return lines.joined(separator: "\n")
    }

    private func row(_ ms: Double, _ gflops: Double?) -> String {
        let share = String(format: "%8.3f %5.1f%%", ms, total > 0 ? 100 * ms / total : 0)
        guard let gflops else { return share + "         -        -" }
        guard peak_gflops > 0 else { return share + String(format: " %9.1f        -", gflops) }
        return share + String(format: " %9.1f %7.0f%%", gflops, 100 * gflops / peak_gflops)
    }
}

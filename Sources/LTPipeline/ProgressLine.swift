// ProgressLine: how far a run is, on standard error: a bar on a terminal, a line every few seconds elsewhere.

import Foundation
import LTCore
import Synchronization

/// Shows summaries of a running pipeline.
public final class ProgressLine: Sendable {
    private let isTerminal = isatty(2) != 0
    private let shown = Mutex<Double>(0)

    public init() {}

    /// Shows the state, unless it was shown just now (0.1 s on a terminal, 5 s elsewhere).
    public func show(_ summary: PipelineSummary) {
        shown.withLock { last in
            let isLast = summary.done >= summary.total
            guard isLast && isTerminal || summary.seconds - last >= (isTerminal ? 0.1 : 5) else { return }
            last = summary.seconds
            let rate = Double(summary.computed) / max(summary.seconds, 1e-9)
            let left = Int((Double(summary.total - summary.done) / max(rate, 1e-9)).rounded())
            var text = "\(summary.done)/\(summary.total) images, \(Self.text(rate)) images/s"
            if summary.failed > 0 { text += ", \(summary.failed) failed" }
            if !isLast, rate > 0 { text += String(format: ", %d:%02d left", left / 60, left % 60) }
            if isTerminal {
                let filled = 24 * summary.done / max(summary.total, 1)
                let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
                text = "\r\u{1B}[K\(bar) \(text)\(isLast ? "\n" : "")"
            } else {
                text += "\n"
            }
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    /// Three digits.
    static func text(_ rate: Double) -> String {
        String(format: rate < 10 ? "%.2f" : rate < 100 ? "%.1f" : "%.0f", rate)
    }
}

extension PipelineSummary: CustomStringConvertible {
    /// What the run did, in one line.
    public var description: String {
        var text = "\(total) images: \(computed) computed"
        if reused > 0 { text += ", \(reused) already there" }
        text += ", \(failed) failed"
        if isStopped { text += ", \(total - done) left (stopped)" }
        if computed > 0 {
            text +=
                String(format: " in %.1f s", seconds) + " (\(ProgressLine.text(Double(computed) / seconds)) images/s)"
        }
        if let firstFailure { text += "\nfirst failure: \(firstFailure)" }
        if passedOver > 0 { text += "\n\(passedOver) files passed over: not images by name" }
        for note in notes { text += "\n\(note)" }
        return text
    }
}

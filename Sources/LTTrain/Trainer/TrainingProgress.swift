// TrainingProgress: a bar with the time left on a terminal, a line every few seconds elsewhere; on standard error.

import Foundation

struct TrainingProgress {
    private let total: Int
    private let first: Int
    private let interval: Double
    private let isTerminal: Bool
    private let started = ContinuousClock.now
    private var shown: ContinuousClock.Instant?
    private let silent: Bool

    /// - Parameter first: iterations done by an earlier run.
    init(total: Int, first: Int, silent: Bool) {
        self.total = total
        self.first = first
        self.silent = silent
        isTerminal = isatty(2) != 0
        interval = isTerminal ? 0.2 : 5
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    /// Shows the state after an iteration, unless it was shown just now.
    mutating func show(done: Int, text: String) {
        guard !silent else { return }
        let now = ContinuousClock.now
        if let shown, done < total, Self.seconds(now - shown) < interval { return }
        shown = now
        let elapsed = Self.seconds(now - started)
        let left = Int((elapsed / Double(max(1, done - first)) * Double(total - done)).rounded())
        let time = String(format: "%d:%02d left", left / 60, left % 60)
        let share = Double(done) / Double(max(1, total))
        var line = String(format: "%3.0f %%  %d/%d  %@  %@", share * 100, done, total, text, time)
        if isTerminal {
            let filled = Int(share * 24)
            let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled)
            line = "\r\u{1B}[K\(bar) \(line)\(done >= total ? "\n" : "")"
        } else {
            line += "\n"
        }
        FileHandle.standardError.write(Data(line.utf8))
    }
}

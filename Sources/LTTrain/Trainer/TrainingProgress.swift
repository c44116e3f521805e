// TrainingProgress: a bar with the time left on a terminal, a line every few seconds elsewhere; on standard error.

import Foundation

struct TrainingProgress {
    private let total: Int
    private var first = 0
    private let interval: Double
    private let isTerminal: Bool
    private var started = ContinuousClock.now
    private var shown: ContinuousClock.Instant?
    private var bar = ""
    private let silent: Bool

    init(total: Int, silent: Bool) {
        self.total = total
        self.silent = silent
        isTerminal = isatty(2) != 0
        interval = isTerminal ? 0.2 : 5
    }

    /// - Parameter first: iterations done by an earlier run.
    mutating func begin(at first: Int) {
        self.first = first
        started = .now
    }

    /// Shows the state after an iteration, unless it was shown just now.
    mutating func show(done: Int, text: String) {
        guard !silent else { return }
        let now = ContinuousClock.now
        if let shown, done < total, (now - shown) / .seconds(1) < interval { return }
        shown = now
        let elapsed = (now - started) / .seconds(1)
        let time = Self.time(elapsed / Double(max(1, done - first)) * Double(total - done))
        let share = Double(done) / Double(max(1, total))
        let line = String(format: "%3.0f %%  %d/%d  %@  %@ left", share * 100, done, total, text, time)
        guard isTerminal else { return write(line + "\n") }
        let filled = Int(share * 24)
        bar = String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled) + " " + line
        if done >= total { bar += "\n" }
        write("\r\u{1B}[K" + bar)
        if done >= total { bar = "" }
    }

    /// A line of its own; the bar stays below.
    func note(_ text: String) {
        guard !silent else { return }
        write(isTerminal && !bar.isEmpty ? "\r\u{1B}[K\(text)\n\(bar)" : text + "\n")
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    /// "3:07", "2:03:07".
    static func time(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e9)).rounded())
        return whole < 3600
            ? String(format: "%d:%02d", whole / 60, whole % 60)
            : String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    }
}

// PathIndex: which of many paths names the same file as another, when their folders were written differently.

/// Paths, found by how they end.
public struct PathIndex: Sendable {
    private let parts: [[Substring]]
    private var byName: [Substring: [Int]] = [:]

    public init(_ paths: [String]) {
        parts = paths.map { Self.components($0) }
        for (index, parts) in parts.enumerated() {
            if let name = parts.last { byName[name, default: []].append(index) }
        }
    }

    /// The positions of the paths that match best: equal, or one ends in all the components of the other
    /// ("calibration/a.jpg" and "/data/calibration/a.jpg"). Of several, the one with the most components in common; an
    /// equal path wins over longer ones that merely end alike.
    /// - Returns: none, one, or several that match alike.
    public func matches(_ path: String) -> [Int] {
        let wanted = Self.components(path)
        var best: [Int] = []
        var bestLength = 0
        for index in wanted.last.flatMap({ byName[$0] }) ?? [] {
            let other = parts[index]
            let length = min(wanted.count, other.count)
            guard wanted.suffix(length) == other.suffix(length), length >= bestLength else { continue }
            if length > bestLength { best = [] }
            bestLength = length
            best.append(index)
        }
        if best.count > 1 {
            let exact = best.filter { parts[$0].count == wanted.count }
            if exact.count == 1 { best = exact }
        }
        return best
    }

    private static func components(_ path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }
    }
}

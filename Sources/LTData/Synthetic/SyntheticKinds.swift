// The object kinds of synthetic sets: a name, an outline, a usual texture and a usual hue. No single property tells a kind apart:
// ten hues and four textures are shared, outline and texture and hue together usually tell.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct SyntheticKind: Sendable {
    enum Texture: Int, CaseIterable, Sendable { case plain, stripes, checker, dots }
    let name: String
    let outline: Silhouette
    let texture: Texture
    /// In turns of the colour circle.
    let hue: Double
}

/// How often an object has its kind's usual texture and hue.
struct SyntheticHabits: Sendable {
    let texture: Double
    let hue: Double
}

/// A family of kinds for `lt-train synth`.
public enum SyntheticFamily: String, CaseIterable, Sendable {
    /// The 20 kinds of the demonstration.
    case demo
    /// 48 other kinds, to pretrain on.
    case pretrain

    var kinds: [SyntheticKind] {
        let outlines = self == .demo ? demoOutlines : pretrainOutlines
        return outlines.enumerated().map { index, outline in
            // Kinds that share a hue differ in their usual texture.
            let texture = SyntheticKind.Texture(rawValue: (index + index / 20) % 4) ?? .plain
            return SyntheticKind(
                name: outline.0, outline: outline.1, texture: texture, hue: (Double(index % 10) + 0.25) / 10)
        }
    }

    var habits: SyntheticHabits {
        self == .demo ? SyntheticHabits(texture: 0.9, hue: 0.92) : SyntheticHabits(texture: 0.8, hue: 0.8)
    }
}

extension SyntheticKind {
    /// Kinds for any number of classes: 48 outlines, beyond that the same outlines in other textures and hues.
    static func list(_ count: Int) -> [SyntheticKind] {
        let kinds = SyntheticFamily.pretrain.kinds
        return (0..<count).map { index in
            let (kind, round) = (kinds[index % kinds.count], index / kinds.count)
            guard round > 0 else { return kind }
            return SyntheticKind(
                name: "\(kind.name)-\(round + 1)", outline: kind.outline,
                texture: Texture(rawValue: (kind.texture.rawValue + round) % 4) ?? .plain,
                hue: (kind.hue + 0.3 * Double(round)).truncatingRemainder(dividingBy: 1))
        }
    }
}

private typealias S = Silhouette

private let demoOutlines: [(String, Silhouette)] = [
    ("star", .star(5, inner: 0.42)),
    ("hexagon", .regular(6)),
    (
        "crescent",
        Silhouette([S.arc(radius: 1, from: 0.12, to: 0.88) + S.arc(0.42, 0, radius: 0.78, from: 0.84, to: 0.16)])
    ),
    (
        "heart",
        Silhouette([
            S.arc(-0.48, -0.3, radius: 0.52, from: 0.42, to: 1.0) + S.arc(0.48, -0.3, radius: 0.52, from: 0.5, to: 1.08)
                + [Point(0, 1)]
        ])
    ),
    ("square", .rectangles([(-0.85, -0.85, 0.85, 0.85)])),
    (
        "arrow",
        Silhouette([(0, -1), (0.8, -0.1), (0.32, -0.1), (0.32, 1), (-0.32, 1), (-0.32, -0.1), (-0.8, -0.1)])
    ),
    ("triangle", .regular(3)),
    ("letter-l", Silhouette([(-0.75, -1), (-0.15, -1), (-0.15, 0.4), (0.8, 0.4), (0.8, 1), (-0.75, 1)])),
    ("disc", .regular(40)),
    ("gear", .ring(inner: 0.36) { turn in (turn * 8).truncatingRemainder(dividingBy: 1) < 0.5 ? 1 : 0.74 }),
    ("ring", .ring(inner: 0.58)),
    (
        "letter-t",
        Silhouette([
            (-0.9, -1), (0.9, -1), (0.9, -0.42), (0.3, -0.42), (0.3, 1), (-0.3, 1), (-0.3, -0.42), (-0.9, -0.42),
        ])
    ),
    (
        "letter-h",
        Silhouette([
            (-0.85, -1), (-0.32, -1), (-0.32, -0.28), (0.32, -0.28), (0.32, -1), (0.85, -1), (0.85, 1), (0.32, 1),
            (0.32, 0.28), (-0.32, 0.28), (-0.32, 1), (-0.85, 1),
        ])
    ),
    ("three-quarter-disc", Silhouette([[Point(0, 0)] + S.arc(radius: 1, from: 0, to: 0.75)])),
    (
        "figure",
        Silhouette([S.arc(0, -0.62, radius: 0.38, from: 0, to: 1)]).with(
            Silhouette([
                (-0.28, -0.2), (0.28, -0.2), (0.8, 0.1), (0.8, 0.36), (0.3, 0.3), (0.5, 1), (0.12, 1), (0, 0.6),
                (-0.12, 1), (-0.5, 1), (-0.3, 0.3), (-0.8, 0.36), (-0.8, 0.1),
            ]))
    ),
    (
        "plus",
        Silhouette([
            (-0.33, -1), (0.33, -1), (0.33, -0.33), (1, -0.33), (1, 0.33), (0.33, 0.33), (0.33, 1), (-0.33, 1),
            (-0.33, 0.33), (-1, 0.33), (-1, -0.33), (-0.33, -0.33),
        ])
    ),
    ("bolt", Silhouette([(0.3, -1), (-0.65, 0.15), (-0.05, 0.15), (-0.35, 1), (0.65, -0.25), (0.05, -0.25)])),
    ("diamond", Silhouette([(0, -1), (0.68, 0), (0, 1), (-0.68, 0)])),
    (
        "letter-z",
        Silhouette([
            (-0.85, -1), (0.85, -1), (0.85, -0.5), (-0.1, 0.5), (0.85, 0.5), (0.85, 1), (-0.85, 1), (-0.85, 0.5),
            (0.1, -0.5), (-0.85, -0.5),
        ])
    ),
    (
        "frame",
        .rectangles([
            (-0.9, -0.9, 0.9, -0.45), (-0.9, 0.45, 0.9, 0.9), (-0.9, -0.45, -0.45, 0.45), (0.45, -0.45, 0.9, 0.45),
        ])
    ),
]

private let pretrainOutlines: [(String, Silhouette)] = [
    ("pentagon", .regular(5)),
    ("octagon", .regular(8, turned: 1.0 / 16)),
    ("trapezoid", Silhouette([(-0.45, -0.7), (0.45, -0.7), (1, 0.7), (-1, 0.7)])),
    ("parallelogram", Silhouette([(-0.45, -0.6), (1, -0.6), (0.45, 0.6), (-1, 0.6)])),
    ("ellipse", Silhouette([S.arc(0, 0, 1, 0.5, from: 0, to: 1, steps: 40)])),
    ("teardrop", Silhouette([S.arc(0, 0.38, radius: 0.62, from: -0.08, to: 0.58) + [Point(0, -1)]])),
    (
        "cloud",
        Silhouette([
            S.arc(-0.55, 0.2, radius: 0.42, from: 0.25, to: 0.72) + S.arc(0, -0.2, radius: 0.5, from: 0.55, to: 0.95)
                + S.arc(0.55, 0.2, radius: 0.42, from: 0.78, to: 1.25)
        ])
    ),
    (
        "cross",
        Silhouette([
            (-1, -0.6), (-0.6, -1), (0, -0.4), (0.6, -1), (1, -0.6), (0.4, 0), (1, 0.6), (0.6, 1), (0, 0.4), (-0.6, 1),
            (-1, 0.6), (-0.4, 0),
        ])
    ),
    ("chevron", Silhouette([(-1, 0.5), (0, -0.7), (1, 0.5), (0.55, 0.9), (0, 0.15), (-0.55, 0.9)])),
    ("hourglass", Silhouette([(-0.8, -1), (0.8, -1), (0.12, 0), (0.8, 1), (-0.8, 1), (-0.12, 0)])),
    ("bow-tie", Silhouette([(-1, -0.7), (0, -0.15), (1, -0.7), (1, 0.7), (0, 0.15), (-1, 0.7)])),
    ("semicircle", Silhouette([S.arc(0, 0.4, radius: 1, from: 0.5, to: 1.0)])),
    (
        "clover",
        Silhouette([
            (0..<60).map { step in
                let angle = 2 * Double.pi * Double(step) / 60
                let r = 0.55 + 0.45 * abs(cos(2 * angle))
                return Point(r * cos(angle), r * sin(angle))
            }
        ])
    ),
    (
        "house",
        Silhouette([(0, -1), (0.95, -0.15), (0.7, -0.15), (0.7, 0.9), (-0.7, 0.9), (-0.7, -0.15), (-0.95, -0.15)])
    ),
    (
        "fish",
        Silhouette([S.arc(-0.2, 0, 0.78, 0.5, from: 0.06, to: 0.94) + [Point(1, -0.55), Point(0.8, 0), Point(1, 0.55)]])
    ),
    (
        "leaf",
        Silhouette([
            S.arc(0, 0.75, radius: 1.25, from: 0.60, to: 0.90) + S.arc(0, -0.75, radius: 1.25, from: 0.10, to: 0.40)
        ])
    ),
    (
        "mug",
        .rectangles([(-0.9, -0.8, 0.35, 0.8)]).with(
            Silhouette([
                S.arc(0.35, 0, radius: 0.6, from: -0.25, to: 0.25) + S.arc(0.35, 0, radius: 0.32, from: 0.25, to: -0.25)
            ]))
    ),
    (
        "key",
        Silhouette([
            S.arc(-0.55, 0, radius: 0.45, from: 0.05, to: 0.95)
                + [
                    Point(1, -0.14), Point(1, 0.5), Point(0.78, 0.5), Point(0.78, 0.14), Point(0.55, 0.14),
                    Point(0.55, 0.4), Point(0.33, 0.4), Point(0.33, 0.14),
                ]
        ])
    ),
    (
        "letter-a",
        Silhouette([(-0.25, -1), (0.25, -1), (0.95, 1), (0.45, 1), (0.28, 0.4), (-0.28, 0.4), (-0.45, 1), (-0.95, 1)])
    ),
    (
        "letter-e",
        Silhouette([
            (-0.7, -1), (0.75, -1), (0.75, -0.6), (-0.2, -0.6), (-0.2, -0.2), (0.55, -0.2), (0.55, 0.2), (-0.2, 0.2),
            (-0.2, 0.6), (0.75, 0.6), (0.75, 1), (-0.7, 1),
        ])
    ),
    (
        "letter-f",
        Silhouette([
            (-0.7, -1), (0.75, -1), (0.75, -0.55), (-0.15, -0.55), (-0.15, -0.1), (0.5, -0.1), (0.5, 0.32),
            (-0.15, 0.32), (-0.15, 1), (-0.7, 1),
        ])
    ),
    (
        "letter-k",
        Silhouette([
            (-0.8, -1), (-0.3, -1), (-0.3, -0.25), (0.35, -1), (0.95, -1), (0.15, -0.05), (0.95, 1), (0.35, 1),
            (-0.3, 0.25), (-0.3, 1), (-0.8, 1),
        ])
    ),
    (
        "letter-s",
        Silhouette([
            (-0.75, -1), (0.75, -1), (0.75, -0.6), (-0.3, -0.6), (-0.3, -0.2), (0.75, -0.2), (0.75, 1), (-0.75, 1),
            (-0.75, 0.6), (0.3, 0.6), (0.3, 0.2), (-0.75, 0.2),
        ])
    ),
    (
        "letter-u",
        Silhouette([
            [Point(-0.85, -1), Point(-0.35, -1)] + S.arc(0, 0.15, radius: 0.35, from: 0.5, to: 0)
                + [Point(0.35, -1), Point(0.85, -1)] + S.arc(0, 0.15, radius: 0.85, from: 0, to: 0.5)
        ])
    ),
    ("letter-v", Silhouette([(-1, -1), (-0.45, -1), (0, 0.2), (0.45, -1), (1, -1), (0.28, 1), (-0.28, 1)])),
    (
        "letter-w",
        Silhouette([
            (-1, -0.9), (-0.62, -0.9), (-0.42, 0.2), (-0.2, -0.5), (0.2, -0.5), (0.42, 0.2), (0.62, -0.9), (1, -0.9),
            (0.6, 0.9), (0.25, 0.9), (0, 0.15), (-0.25, 0.9), (-0.6, 0.9),
        ])
    ),
    (
        "letter-y",
        Silhouette([
            (-1, -1), (-0.42, -1), (0, -0.28), (0.42, -1), (1, -1), (0.28, 0.15), (0.28, 1), (-0.28, 1), (-0.28, 0.15),
        ])
    ),
    (
        "letter-n",
        Silhouette([
            (-0.85, -1), (-0.35, -1), (0.35, 0.15), (0.35, -1), (0.85, -1), (0.85, 1), (0.35, 1), (-0.35, -0.15),
            (-0.35, 1), (-0.85, 1),
        ])
    ),
    ("four-star", .star(4, inner: 0.36)),
    ("burst", .star(9, inner: 0.68)),
    ("quarter-disc", Silhouette([[Point(-0.75, -0.75)] + S.arc(-0.75, -0.75, radius: 1.6, from: 0, to: 0.25)])),
    (
        "lens",
        Silhouette([
            S.arc(-0.75, 0, radius: 1.25, from: -0.15, to: 0.15) + S.arc(0.75, 0, radius: 1.25, from: 0.35, to: 0.65)
        ])
    ),
    (
        "capsule",
        Silhouette([
            S.arc(-0.55, 0, radius: 0.42, from: 0.25, to: 0.75) + S.arc(0.55, 0, radius: 0.42, from: 0.75, to: 1.25)
        ])
    ),
    (
        "stairs",
        Silhouette([
            (-0.9, 0.9), (-0.9, 0.3), (-0.3, 0.3), (-0.3, -0.3), (0.3, -0.3), (0.3, -0.9), (0.9, -0.9), (0.9, 0.9),
        ])
    ),
    (
        "comb",
        Silhouette([
            (-0.95, -0.75), (0.95, -0.75), (0.95, 0.85), (0.62, 0.85), (0.62, -0.2), (0.18, -0.2), (0.18, 0.85),
            (-0.18, 0.85), (-0.18, -0.2), (-0.62, -0.2), (-0.62, 0.85), (-0.95, 0.85),
        ])
    ),
    (
        "double-arrow",
        Silhouette([
            (-1, 0), (-0.4, -0.65), (-0.4, -0.25), (0.4, -0.25), (0.4, -0.65), (1, 0), (0.4, 0.65), (0.4, 0.25),
            (-0.4, 0.25), (-0.4, 0.65),
        ])
    ),
    ("bars", .rectangles([(-0.9, -0.9, -0.45, 0.9), (-0.22, -0.9, 0.22, 0.9), (0.45, -0.9, 0.9, 0.9)])),
    ("equals", .rectangles([(-0.9, -0.75, 0.9, -0.2), (-0.9, 0.2, 0.9, 0.75)])),
    (
        "colon",
        Silhouette([S.arc(0, -0.52, radius: 0.45, from: 0, to: 1), S.arc(0, 0.52, radius: 0.45, from: 0, to: 1)])
    ),
    ("windmill", .star(3, inner: 0.26)),
    (
        "mushroom",
        Silhouette([
            S.arc(0, 0, radius: 1, from: 0.5, to: 1.0) + [
                Point(0.32, 0), Point(0.32, 0.9), Point(-0.32, 0.9), Point(-0.32, 0),
            ]
        ])
    ),
    ("flag", Silhouette([(-0.85, -1), (0.95, -0.5), (-0.5, 0), (-0.5, 1), (-0.85, 1)])),
    ("kite", Silhouette([(0, -1), (0.75, -0.3), (0, 1), (-0.75, -0.3)])),
    (
        "boat",
        Silhouette([(-1, 0.2), (1, 0.2), (0.55, 0.85), (-0.55, 0.85)]).with(
            Silhouette([(-0.1, -1), (0.7, 0.05), (-0.1, 0.05)]))
    ),
    (
        "bottle",
        Silhouette([
            (-0.22, -1), (0.22, -1), (0.22, -0.4), (0.55, -0.05), (0.55, 1), (-0.55, 1), (-0.55, -0.05), (-0.22, -0.4),
        ])
    ),
    (
        "magnet",
        Silhouette([
            S.arc(0, -0.1, radius: 0.9, from: 0.5, to: 1.0) + [Point(0.9, 0.9), Point(0.42, 0.9)]
                + S.arc(0, -0.1, radius: 0.42, from: 1.0, to: 0.5) + [Point(-0.42, 0.9), Point(-0.9, 0.9)]
        ])
    ),
    ("wedge", Silhouette([[Point(-0.9, 0)] + S.arc(-0.9, 0, radius: 1.8, from: -0.09, to: 0.09)])),
    (
        "spiral",
        Silhouette([
            (0...60).map { step in
                let turn = 1.35 * Double(step) / 60
                return Point((0.15 + 0.63 * turn) * cos(2 * .pi * turn), (0.15 + 0.63 * turn) * sin(2 * .pi * turn))
            }
                + (0...60).reversed().map { step in
                    let turn = 1.35 * Double(step) / 60
                    let r = max(0.02, 0.63 * turn - 0.15)
                    return Point(r * cos(2 * .pi * turn), r * sin(2 * .pi * turn))
                }
        ])
    ),
]

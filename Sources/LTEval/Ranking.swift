// Ranking: the one order by score that every ranking metric uses.

/// Positions in descending order of score; equal scores keep the order of their positions.
struct Ranking {
    /// Position of the item at each rank.
    let positions: [Int]
    /// Ranks at which a run of equal scores ends, ascending; the last is the number of items.
    let runEnds: [Int]

    init(descending scores: [Float]) {
        // One integer per item: the score's bits mapped so that integers ascend where scores descend, then the position.
        var keys = scores.indices.map { index -> UInt64 in
            let bits = (scores[index] + 0).bitPattern  // -0 becomes 0
            let ascending = bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
            return UInt64(~ascending) << 32 | UInt64(index)
        }
        keys.sort()
        positions = keys.map { Int($0 & 0xFFFF_FFFF) }
        var ends: [Int] = []
        for rank in keys.indices where rank + 1 == keys.count || keys[rank + 1] >> 32 != keys[rank] >> 32 {
            ends.append(rank + 1)
        }
        runEnds = ends
    }
}

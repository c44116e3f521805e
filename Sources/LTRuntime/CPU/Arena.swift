// Arena: one block of memory for all intermediate values of a run. Values that never live at the same time share bytes;
// larger ones are placed first, each at the lowest offset that is free for as long as it lives.

/// A value that needs memory from step `first` to step `last`.
struct Lifetime: Sendable {
    let id: Int
    let bytes: Int
    let first: Int
    let last: Int
}

enum Arena {
    static let alignment = 64

    /// Offsets by id, and the bytes that the arena takes in all.
    static func place(_ lifetimes: [Lifetime]) -> (offsets: [Int: Int], bytes: Int) {
        let order = lifetimes.sorted { ($0.bytes, -$0.id) > ($1.bytes, -$1.id) }
        var placed: [(lifetime: Lifetime, offset: Int, end: Int)] = []  // by offset
        var offsets: [Int: Int] = [:]
        var total = 0
        for lifetime in order {
            let bytes = (lifetime.bytes + alignment - 1) / alignment * alignment
            var offset = 0
            for other in placed
            where other.lifetime.first <= lifetime.last && lifetime.first <= other.lifetime.last {
                if offset + bytes <= other.offset { break }
                offset = max(offset, other.end)
            }
            offsets[lifetime.id] = offset
            total = max(total, offset + bytes)
            let at = placed.firstIndex { $0.offset > offset } ?? placed.count
            placed.insert((lifetime, offset, offset + bytes), at: at)
        }
        return (offsets, total)
    }
}

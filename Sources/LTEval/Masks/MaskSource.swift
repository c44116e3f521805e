// MaskSource: masks as a file has them (compressed counts, plain counts, polygons or none), kept as written and decoded when
// somebody asks: of a detector's hundreds of thousands of masks most never meet an object. Threads fill one source per block
// of the file; joining sources moves no bytes.

import LTCore
import LTDecision

/// Undecoded masks, addressed by position.
public struct MaskSource: Sendable {
    private enum Form: UInt8 { case none, compressed, escaped, runs, polygons }

    private struct Entry {
        var form: Form
        var width: UInt32 = 0
        var height: UInt32 = 0
        /// Where it lies in the array of its form.
        var start: Int = 0
        var end: Int = 0
    }

    private struct Chunk: Sendable {
        var entries: [Entry] = []
        var bytes: [UInt8] = []
        var runs: [UInt32] = []
        var coordinates: [Double] = []
        /// Where each polygon's coordinates end.
        var partEnds: [Int] = []
    }

    /// A chunk that grows no more; passing it on counts one reference, not one per array.
    private final class Closed: Sendable {
        let chunk: Chunk
        init(_ chunk: Chunk) { self.chunk = chunk }
        var count: Int { chunk.entries.count }
    }

    private var chunks: [Closed] = []
    /// Positions of the chunks' first masks.
    private var firsts: [Int] = []
    private var current = Chunk()

    public init() {}

    public var count: Int { (firsts.last ?? 0) + (chunks.last?.count ?? 0) + current.entries.count }

    // MARK: Filling

    /// Adds an entry without a mask.
    public mutating func appendNone() { current.entries.append(Entry(form: .none)) }

    /// Adds compressed counts.
    /// - Parameter isEscaped: whether the bytes are the inside of a JSON string as it stands in the file.
    /// - Throws: `invalidArgument` for a size out of range.
    public mutating func append(
        compressed counts: UnsafeBufferPointer<UInt8>, isEscaped: Bool = false, width: Int, height: Int
    ) throws(LTError) {
        let start = current.bytes.count
        try append(isEscaped ? .escaped : .compressed, width, height, start, start + counts.count)
        current.bytes.append(contentsOf: counts)
    }

    /// Adds uncompressed counts.
    /// - Throws: `invalidArgument` for a size out of range.
    public mutating func append(
        runs counts: UnsafeBufferPointer<UInt32>, width: Int, height: Int
    ) throws(LTError) {
        let start = current.runs.count
        try append(.runs, width, height, start, start + counts.count)
        current.runs.append(contentsOf: counts)
    }

    /// Adds polygons, x1, y1, x2, y2, … each; their image's size is given when they are decoded.
    /// - Parameter ends: where in `coordinates` each polygon ends.
    public mutating func append(polygons coordinates: UnsafeBufferPointer<Double>, ends: some Sequence<Int>) {
        let (start, shift) = (current.partEnds.count, current.coordinates.count)
        var last = 0
        for end in ends {
            last = max(last, min(end, coordinates.count))
            current.partEnds.append(shift + last)
        }
        current.entries.append(Entry(form: .polygons, start: start, end: current.partEnds.count))
        current.coordinates.append(contentsOf: coordinates)
    }

    private mutating func append(
        _ form: Form, _ width: Int, _ height: Int, _ start: Int, _ end: Int
    ) throws(LTError) {
        _ = try RunLengths.pixels(width: width, height: height)
        current.entries.append(
            Entry(form: form, width: UInt32(width), height: UInt32(height), start: start, end: end))
    }

    /// Adds the masks of another source, in their order.
    public mutating func append(contentsOf other: MaskSource) {
        close()
        var other = other
        other.close()
        let shift = count
        for (first, chunk) in zip(other.firsts, other.chunks) {
            firsts.append(first + shift)
            chunks.append(chunk)
        }
    }

    private mutating func close() {
        guard !current.entries.isEmpty else { return }
        firsts.append((firsts.last ?? 0) + (chunks.last?.count ?? 0))
        chunks.append(Closed(current))
        current = Chunk()
    }

    // MARK: Reading

    private func find(_ index: Int) -> (chunk: Int, place: Int) {
        var (low, high) = (0, firsts.count)
        while low < high {
            let middle = (low + high) / 2
            if firsts[middle] <= index { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return (chunks.count, index) }
        let place = index - firsts[low - 1]
        return place < chunks[low - 1].count
            ? (low - 1, place) : (chunks.count, place - chunks[low - 1].count)
    }

    /// Whether an entry has a mask.
    public func hasMask(_ index: Int) -> Bool {
        let (chunk, place) = find(index)
        return (chunk < chunks.count ? chunks[chunk].chunk.entries[place] : current.entries[place]).form != .none
    }

    /// Decodes a mask and adds it to a pool.
    /// - Parameters:
    ///   - width: the image's, for polygons; counts have a size of their own.
    ///   - box: x, y, width, height of the rectangle that an entry without a mask stands for.
    /// - Throws: as `MaskPool`; `notFound` without a mask and a box.
    public func decode(
        _ index: Int, width: Int, height: Int, box: ArraySlice<Double>? = nil, into pool: inout MaskPool
    ) throws(LTError) {
        let (chunk, place) = find(index)
        if chunk < chunks.count {
            try Self.decode(chunks[chunk].chunk, place, width, height, box, &pool)
        } else {
            try Self.decode(current, place, width, height, box, &pool)
        }
    }

    /// Pixels of a mask by compressed counts; `nil` for others, which must be decoded.
    /// - Throws: as `RunLengths.area`.
    func quickArea(_ index: Int) throws(LTError) -> Int? {
        let (chunk, place) = find(index)
        guard chunk < chunks.count else { return nil }
        let closed = chunks[chunk]
        let entry = closed.chunk.entries[place]
        guard entry.form == .compressed || entry.form == .escaped else { return nil }
        return try closed.chunk.bytes.withUnsafeBufferPointer { (bytes) throws(LTError) in
            try RunLengths.area(
                compressed: UnsafeBufferPointer(rebasing: bytes[entry.start..<entry.end]),
                isEscaped: entry.form == .escaped, width: Int(entry.width), height: Int(entry.height))
        }
    }

    private static func decode(
        _ chunk: borrowing Chunk, _ place: Int, _ width: Int, _ height: Int,
        _ box: ArraySlice<Double>?, _ pool: inout MaskPool
    ) throws(LTError) {
        let entry = chunk.entries[place]
        let (ownWidth, ownHeight) = (Int(entry.width), Int(entry.height))
        switch entry.form {
        case .compressed, .escaped:
            try chunk.bytes.withUnsafeBufferPointer { (bytes) throws(LTError) in
                try pool.append(
                    compressed: UnsafeBufferPointer(rebasing: bytes[entry.start..<entry.end]),
                    isEscaped: entry.form == .escaped, width: ownWidth, height: ownHeight)
            }
        case .runs:
            try chunk.runs.withUnsafeBufferPointer { (runs) throws(LTError) in
                try pool.append(
                    UnsafeBufferPointer(rebasing: runs[entry.start..<entry.end]), width: ownWidth, height: ownHeight)
            }
        case .polygons:
            let first = entry.start == 0 ? 0 : chunk.partEnds[entry.start - 1]
            try pool.append(
                polygonsIn: chunk.coordinates, from: first, ends: chunk.partEnds[entry.start..<entry.end],
                width: width, height: height)
        case .none:
            guard let box, box.count == 4 else { throw LTError(.notFound, "no mask, expected a segmentation") }
            let (x, y, w, h) = (
                box[box.startIndex], box[box.startIndex + 1], box[box.startIndex + 2], box[box.startIndex + 3]
            )
            try pool.append(
                polygonsIn: [x, y, x, y + h, x + w, y + h, x + w, y], from: 0, ends: [8], width: width, height: height)
        }
    }
}

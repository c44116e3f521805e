// MaskPool: the masks of an image, a block of images or a whole data set as run lengths in one buffer, each with its size,
// area and bounds; no array per mask. Pools are plain values: threads fill one each and join them (`append(contentsOf:)`)
// or reuse one per image (`removeAll()` keeps the memory), so that only masks that matter are ever decoded.

import LTCore
import LTDecision

/// Binary masks of any sizes, addressed by position.
public struct MaskPool: Sendable {
    /// What is known of a mask without its runs.
    struct Entry: Sendable {
        var start: Int
        var count: Int
        var width: UInt32
        var height: UInt32
        var area: Int
        var bounds: PixelBounds
    }

    /// The most runs in one pool (2 GiB).
    public static let maximumRuns = 1 << 29

    private(set) var entries: [Entry] = []
    /// Runs of all masks behind one another, then room; `used` of them are in use.
    private var runs: [UInt32] = []
    private var used = 0
    private var polygons = PolygonRaster()
    var erosion = Erosion()

    public init() {}

    public var count: Int { entries.count }

    /// Forgets the masks and keeps the memory.
    public mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        used = 0
    }

    // MARK: What is known of a mask

    public func width(_ index: Int) -> Int { Int(entries[index].width) }
    public func height(_ index: Int) -> Int { Int(entries[index].height) }
    /// Pixels in the mask.
    public func area(_ index: Int) -> Int { entries[index].area }
    /// The smallest rectangle around the mask.
    public func bounds(_ index: Int) -> PixelBounds { entries[index].bounds }
    /// COCO's uncompressed counts.
    public func runs(_ index: Int) -> [UInt32] { withRuns(index) { Array($0) } }

    /// Lends the runs of a mask.
    @inline(__always)
    func withRuns<Value, Failure: Error>(
        _ index: Int, _ body: (UnsafeBufferPointer<UInt32>) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let entry = entries[index]
        return try runs.withUnsafeBufferPointer { (runs) throws(Failure) in
            try body(UnsafeBufferPointer(rebasing: runs[entry.start..<entry.start + entry.count]))
        }
    }

    // MARK: Adding masks

    /// Adds a mask by COCO's uncompressed counts. Counts may end early, as COCO's API takes them: the rest is background.
    /// - Throws: `malformed` when their sum is beyond the mask's size; `invalidArgument` for a size out of range;
    ///   `outOfMemory` when the pool is full. The pool stays as it was.
    public mutating func append(runs counts: [UInt32], width: Int, height: Int) throws(LTError) {
        try counts.withUnsafeBufferPointer { (counts) throws(LTError) in
            try append(counts, width: width, height: height)
        }
    }

    public mutating func append(
        _ counts: UnsafeBufferPointer<UInt32>, width: Int, height: Int
    ) throws(LTError) {
        let pixels = try RunLengths.pixels(width: width, height: height)
        try makeRoom(counts.count + 1)
        var sum = 0
        for index in 0..<counts.count {
            runs[used + index] = counts[index]
            sum &+= Int(counts[index])
        }
        var count = counts.count
        if sum < pixels {
            if count % 2 == 0 {
                runs[used + count] = 0
                count += 1
            }
            runs[used + count - 1] += UInt32(truncatingIfNeeded: pixels - sum)
        }
        try close(count, width: width, height: height)
    }

    /// Adds one mask of its own array.
    public mutating func append(_ mask: RunLengthMask) throws(LTError) {
        try append(runs: mask.runs, width: mask.width, height: mask.height)
    }

    /// Adds a mask by COCO's compressed counts.
    /// - Parameter isEscaped: whether the bytes are the inside of a JSON string as it stands in the file.
    /// - Throws: `malformed` for characters that are none of counts, a run that is cut off or a wrong sum; else as
    ///   `append(runs:width:height:)`.
    public mutating func append(
        compressed counts: UnsafeBufferPointer<UInt8>, isEscaped: Bool = false, width: Int, height: Int
    ) throws(LTError) {
        try makeRoom(counts.count)
        let start = used
        let count = try runs.withUnsafeMutableBufferPointer { (runs) throws(LTError) in
            try RunLengths.decode(
                counts, isEscaped: isEscaped, into: UnsafeMutableBufferPointer(rebasing: runs[start...]))
        }
        try close(count, width: width, height: height)
    }

    public mutating func append(compressed counts: String, width: Int, height: Int) throws(LTError) {
        let bytes = Array(counts.utf8)
        try bytes.withUnsafeBufferPointer { (bytes) throws(LTError) in
            try append(compressed: bytes, width: width, height: height)
        }
    }

    /// Adds the union of polygons, drawn as COCO's API draws them (PolygonRaster.swift).
    /// - Parameter parts: x1, y1, x2, y2, … of each polygon, in pixels.
    /// - Throws: `malformed` for a polygon of fewer than three points or coordinates that are no numbers of a sensible
    ///   size; `outOfMemory` for outlines that cross millions of columns; else as `append(runs:width:height:)`.
    public mutating func append(polygons parts: [[Double]], width: Int, height: Int) throws(LTError) {
        var end = 0
        let ends = parts.map { part in
            end += part.count
            return end
        }
        try append(polygonsIn: Array(parts.joined()), from: 0, ends: ends[...], width: width, height: height)
    }

    /// Adds the union of polygons that lie behind one another in an array.
    mutating func append(
        polygonsIn coordinates: [Double], from first: Int, ends: ArraySlice<Int>, width: Int, height: Int
    ) throws(LTError) {
        _ = try RunLengths.pixels(width: width, height: height)
        polygons = polygons.emptied(width: width, height: height)
        var start = first
        for end in ends {
            try coordinates.withUnsafeBufferPointer { (coordinates) throws(LTError) in
                try polygons.add(UnsafeBufferPointer(rebasing: coordinates[start..<end]))
            }
            start = end
        }
        try makeRoom(polygons.maximumRuns)
        let used = used
        let count = runs.withUnsafeMutableBufferPointer {
            polygons.draw(UnsafeMutableBufferPointer(rebasing: $0[used...]))
        }
        try close(count, width: width, height: height)
    }

    /// Adds the masks of another pool, in their order.
    /// - Throws: `outOfMemory` when the pool is full.
    public mutating func append(contentsOf other: MaskPool) throws(LTError) {
        try makeRoom(other.used)
        let shift = used
        runs.withUnsafeMutableBufferPointer { room in
            other.runs.withUnsafeBufferPointer { runs in
                for index in 0..<other.used { room[shift + index] = runs[index] }
            }
        }
        used += other.used
        entries.reserveCapacity(entries.count + other.count)
        for var entry in other.entries {
            entry.start += shift
            entries.append(entry)
        }
    }

    /// Lets `body` write runs behind those in use (`room` of them at most) and makes a mask of them.
    mutating func append(
        room: Int, width: Int, height: Int, _ body: (UnsafeMutableBufferPointer<UInt32>) -> Int
    ) throws(LTError) {
        try makeRoom(room)
        let start = used
        let count = runs.withUnsafeMutableBufferPointer {
            body(UnsafeMutableBufferPointer(rebasing: $0[start..<start + room]))
        }
        try close(count, width: width, height: height)
    }

    private mutating func makeRoom(_ more: Int) throws(LTError) {
        guard more <= Self.maximumRuns - used else {
            throw LTError(.outOfMemory, "masks of more than \(Self.maximumRuns) runs together")
        }
        let missing = used + more - runs.count
        if missing > 0 { runs.append(contentsOf: repeatElement(0, count: max(missing, min(runs.count, 1 << 24)))) }
    }

    /// Makes a mask of `count` runs behind those in use.
    private mutating func close(_ count: Int, width: Int, height: Int) throws(LTError) {
        let start = used
        let extent = try runs.withUnsafeBufferPointer { (runs) throws(LTError) in
            try RunLengths.extent(
                UnsafeBufferPointer(rebasing: runs[start..<start + count]), width: width, height: height)
        }
        entries.append(
            Entry(
                start: start, count: count, width: UInt32(width), height: UInt32(height), area: extent.area,
                bounds: extent.bounds))
        used += count
    }

    // MARK: Overlap

    /// Pixels that two masks share; `nil` for masks of different sizes.
    public func intersection(_ index: Int, _ other: MaskPool, _ otherIndex: Int) -> Int? {
        let (one, two) = (entries[index], other.entries[otherIndex])
        guard one.width == two.width, one.height == two.height else { return nil }
        guard one.bounds.overlaps(two.bounds) else { return 0 }
        return withRuns(index) { one in other.withRuns(otherIndex) { RunLengths.intersection(one, $0) } }
    }

    /// Intersection over union of a detection with a ground truth, 0 where nothing is shared (two empty masks too);
    /// `nil` for masks of different sizes.
    /// - Parameter isCrowd: the truth marks a crowd: the detection's area takes the place of the union.
    public func iou(_ index: Int, _ truths: MaskPool, _ truth: Int, isCrowd: Bool = false) -> Double? {
        guard let common = intersection(index, truths, truth) else { return nil }
        guard common > 0 else { return 0 }
        let area = entries[index].area
        return Double(common) / Double(isCrowd ? area : area + truths.entries[truth].area - common)
    }
}

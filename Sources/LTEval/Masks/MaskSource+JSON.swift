// Masks of annotation and results files: the column "segmentation" into a source, and out of it with the image's size.

import CSIMDJSON
import LTCore

extension MaskSource {
    /// Adds a row's mask as the file has it.
    /// - Throws: `invalidArgument` for a size out of range.
    mutating func append(_ column: lt_json_column, row: Int) throws(LTError) {
        let (start, end) = (Int(column.starts[row]), Int(column.ends[row]))
        let (height, width) = (Int(column.mask_sizes[2 * row]), Int(column.mask_sizes[2 * row + 1]))
        switch Int(column.mask_kinds[row]) {
        case LT_JSON_MASK_TEXT:
            try append(
                compressed: UnsafeBufferPointer(start: column.text_pool + start, count: end - start), isEscaped: true,
                width: width, height: height)
        case LT_JSON_MASK_RUNS:
            try append(
                runs: UnsafeBufferPointer(start: column.run_pool + start, count: end - start), width: width,
                height: height)
        case LT_JSON_MASK_POLYGONS:
            let parts = Int(column.part_starts[row])..<Int(column.part_ends[row])
            append(
                polygons: UnsafeBufferPointer(start: column.number_pool + start, count: end - start),
                ends: parts.lazy.map { Int(column.part_pool[$0]) - start })
        default: appendNone()
        }
    }
}

extension DetectionResults {
    /// Pixels of a detection's mask.
    func maskArea(_ row: Int, _ truth: DetectionTruth, _ pool: inout MaskPool) throws(LTError) -> Int {
        do throws(LTError) {
            if let area = try masks.quickArea(row) { return area }
        } catch {
            let image = truth.images[Int(images[row])]
            throw error.inside("detection \(row + 1) of the file, in image \(image.id)")
        }
        pool.removeAll()
        try decodeMask(row, truth, into: &pool)
        return pool.area(0)
    }

    /// Adds a detection's mask to a pool; without one the rectangle of its box.
    func decodeMask(_ row: Int, _ truth: DetectionTruth, into pool: inout MaskPool) throws(LTError) {
        let image = truth.images[Int(images[row])]
        do throws(LTError) {
            try masks.decode(
                row, width: image.width, height: image.height, box: boxes[4 * row..<4 * row + 4], into: &pool)
        } catch { throw error.inside("detection \(row + 1) of the file, in image \(image.id)") }
    }
}

extension DetectionTruth {
    /// Adds an object's mask to a pool.
    func decodeMask(_ object: Int, into pool: inout MaskPool) throws(LTError) {
        let image = images[Int(objectImages[object])]
        do throws(LTError) {
            try masks.decode(maskPositions[object], width: image.width, height: image.height, into: &pool)
        } catch { throw error.inside("annotation \(ids[object]), in image \(image.id)") }
    }
}

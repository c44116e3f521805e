// Masks against COCO's mask API (Fixtures/eval/masks.json, or the folder LT_EVAL_VECTORS) and against plain pixels.

import Foundation
import LTCore
import LTDecision
import LTEval
import Testing

extension Fixture {
    var string: String { value as? String ?? "" }
    var runs: [UInt32] { array.map { UInt32($0.int) } }
}

extension PixelBounds {
    /// x, y, width, height.
    var rectangle: [Double] { isEmpty ? [0, 0, 0, 0] : [x1, y1, x2 - x1, y2 - y1].map(Double.init) }
}

extension MaskPool {
    /// Row-major pixels.
    func pixels(_ index: Int) -> [Bool] {
        let (width, height) = (width(index), height(index))
        var result = [Bool](repeating: false, count: width * height)
        var (at, value) = (0, false)
        for run in runs(index) {
            for _ in 0..<run {
                result[at % height * width + at / height] = value
                at += 1
            }
            value.toggle()
        }
        return result
    }
}

@Suite struct MaskTests {
    @Test func everyPolygonIsCOCOs() throws {
        let cases = try evaluationVectors("masks.json")["polygons"].array
        var (drawn, decoded) = (MaskPool(), MaskPool())
        for (index, wanted) in cases.enumerated() {
            let (name, width, height) = (wanted["name"].string, wanted["w"].int, wanted["h"].int)
            try drawn.append(polygons: wanted["polys"].array.map(\.doubles), width: width, height: height)
            try decoded.append(compressed: wanted["rle"].string, width: width, height: height)
            for pool in [drawn, decoded] {
                #expect(pool.runs(index) == wanted["counts"].runs, "\(name)")
                #expect(pool.area(index) == wanted["area"].int, "\(name)")
                #expect(pool.bounds(index).rectangle == wanted["bbox"].doubles, "\(name)")
            }
        }
        #expect(drawn.count == cases.count && cases.count >= 68)
        print("\(cases.count) polygon masks")
    }

    @Test func everyPairIsCOCOs() throws {
        let wanted = try evaluationVectors("masks.json")["rle_iou"]
        let (height, width) = (wanted["size"][0].int, wanted["size"][1].int)
        func pool(_ key: String) throws -> MaskPool {
            var pool = MaskPool()
            for counts in wanted[key].array { try pool.append(compressed: counts.string, width: width, height: height) }
            return pool
        }
        let (detections, truths) = (try pool("dt"), try pool("gt"))
        var pairs = 0
        for detection in 0..<detections.count {
            for truth in 0..<truths.count {
                let (iou, crowd) = (wanted["iou"][detection][truth], wanted["iou_crowd"][detection][truth])
                #expect(detections.iou(detection, truths, truth) == iou.double)
                #expect(detections.iou(detection, truths, truth, isCrowd: true) == crowd.double)
                pairs += 1
            }
        }
        #expect(pairs >= 12 * 13)
        print("\(pairs) pairs of masks")
    }

    @Test func everyUncompressedMaskIsCOCOs() throws {
        let file = try evaluationVectors("masks.json")
        let cases = file["uncompressed"].array
        var pool = MaskPool()
        for (index, wanted) in cases.enumerated() {
            try pool.append(runs: wanted["counts"].runs, width: wanted["w"].int, height: wanted["h"].int)
            #expect(pool.area(index) == wanted["area"].int)
            let text = wanted["counts"].runs.withUnsafeBufferPointer(RunLengths.encode)
            #expect(String(decoding: text, as: UTF8.self) == wanted["rle"].string)
            #expect(pool.runs(index).reduce(0, +) == UInt32(wanted["w"].int * wanted["h"].int))
            // COCO's bounds of a mask that is empty but has a run of length 0 are beyond the image.
            #expect(pool.bounds(index).rectangle == (pool.area(index) == 0 ? [0, 0, 0, 0] : wanted["bbox"].doubles))
        }
        #expect(cases.count >= 5)
        var sides = MaskPool()
        for name in ["empty_rle", "full_rle"] {
            try sides.append(compressed: file["empty"][name].string, width: 10, height: 10)
        }
        #expect(sides.area(0) == 0 && sides.area(1) == 100)
        #expect(sides.iou(0, sides, 0) == Double(file["empty"]["iou_empty_empty"].string))
        #expect(sides.iou(0, sides, 1) == file["empty"]["iou_empty_full"].double && sides.iou(1, sides, 1) == 1)
        print("\(cases.count) uncompressed masks")
    }

    @Test func masksOfOtherSizesHaveNoOverlap() throws {
        var pool = MaskPool()
        try pool.append(runs: [0, 6], width: 2, height: 3)
        try pool.append(runs: [0, 6], width: 3, height: 2)
        #expect(pool.iou(0, pool, 1) == nil && pool.intersection(0, pool, 1) == nil && pool.iou(0, pool, 0) == 1)
    }

    /// Random masks, also with runs of length 0: area, bounds, overlap and boundary by plain loops over pixels.
    @Test func pixelsAgree() throws {
        var random = SeededGenerator(seed: 20)
        for round in 0..<300 {
            let (width, height) = (1 + random.below(24), 1 + random.below(24))
            var pool = MaskPool()
            for _ in 0..<3 {
                var runs: [UInt32] = []
                var left = width * height
                let longest = 1 + random.below(1 + 3 * height)
                while left > 0 {
                    let run = min(left, random.below(longest + 1))
                    runs.append(UInt32(run))
                    left -= run
                }
                try pool.append(runs: runs, width: width, height: height)
            }
            let ratio = [0.02, 0.05, 0.1, 0.2][round % 4]
            let boundaries = try pool.boundaries(ratio: ratio)
            for index in 0..<3 {
                let pixels = pool.pixels(index)
                #expect(pool.area(index) == pixels.count { $0 })
                #expect(pool.bounds(index).rectangle == rectangle(pixels, width))
                let depth = MaskPool.boundaryDepth(width: width, height: height, ratio: ratio)
                #expect(boundaries.pixels(index) == boundary(pixels, width, depth), "\(pool.runs(index)) \(depth)")
                for other in 0..<3 {
                    let common = zip(pixels, pool.pixels(other)).count { $0 && $1 }
                    #expect(pool.intersection(index, pool, other) == common)
                    let union = pool.area(index) + pool.area(other) - common
                    #expect(pool.iou(index, pool, other) == (common == 0 ? 0 : Double(common) / Double(union)))
                }
            }
        }
    }

    private func rectangle(_ pixels: [Bool], _ width: Int) -> [Double] {
        let set = pixels.indices.filter { pixels[$0] }
        guard let top = set.map({ $0 / width }).min(), let bottom = set.map({ $0 / width }).max(),
            let left = set.map({ $0 % width }).min(), let right = set.map({ $0 % width }).max()
        else { return [0, 0, 0, 0] }
        return [left, top, right - left + 1, bottom - top + 1].map(Double.init)
    }

    private func boundary(_ pixels: [Bool], _ width: Int, _ depth: Int) -> [Bool] {
        let height = pixels.count / width
        return pixels.indices.map { index in
            guard pixels[index] else { return false }
            let (x, y) = (index % width, index / width)
            for row in y - depth...y + depth {
                for column in x - depth...x + depth {
                    guard (0..<height).contains(row), (0..<width).contains(column), pixels[row * width + column] else {
                        return true
                    }
                }
            }
            return false
        }
    }

    /// Random polygons, also beyond the image, against a walk over every step of the grid.
    @Test func everyStepOfTheWalkCounts() throws {
        var random = SeededGenerator(seed: 21)
        for round in 0..<400 {
            let (width, height) = (1 + random.below(40), 1 + random.below(40))
            let spread = [1.0, 1.6, 40][round % 3]
            var parts: [[Double]] = []
            for _ in 0...random.below(3) {
                var part: [Double] = []
                for index in 0..<2 * (3 + random.below(12)) {
                    let place: Double = random.uniform() * 2 - 0.5 * spread
                    let value: Double = place * spread * Double(index % 2 == 0 ? width : height)
                    part.append(round % 2 == 0 ? (value * 5).rounded() / 5 : value)
                }
                parts.append(part)
            }
            var pool = MaskPool()
            try pool.append(polygons: parts, width: width, height: height)
            var union = [Bool](repeating: false, count: width * height)
            for part in parts {
                let pixels = walked(part, width, height)
                for index in pixels.indices where pixels[index] { union[index] = true }
            }
            #expect(pool.pixels(0) == union, "\(parts) in \(width)×\(height)")
        }
    }

    private func walked(_ polygon: [Double], _ width: Int, _ height: Int) -> [Bool] {
        let grid: [Int] = polygon.map { Int(5 * $0 + 0.5) }
        let points: [(Int, Int)] = (0..<grid.count / 2).map { (grid[2 * $0], grid[2 * $0 + 1]) }
        var steps: [(Int, Int)] = []
        for (index, from) in points.enumerated() {
            let to = points[(index + 1) % points.count]
            let (dx, dy) = (abs(to.0 - from.0), abs(to.1 - from.1))
            let flat = dx >= dy
            let flip = flat ? from.0 > to.0 : from.1 > to.1
            let (start, end) = flip ? (to, from) : (from, to)
            let count = max(dx, dy)
            let rise = flat ? end.1 - start.1 : end.0 - start.0
            let slope: Double = count == 0 ? 0 : Double(rise) / Double(count)
            for step in 0...count {
                let t = flip ? count - step : step
                let base = Double(flat ? start.1 : start.0)
                let minor = Int(base + slope * Double(t) + 0.5)
                steps.append(flat ? (start.0 + t, minor) : (minor, start.1 + t))
            }
        }
        // Each crossing turns over what lies behind it, down the columns.
        var inside = [Bool](repeating: false, count: width * height + 1)
        for (before, step) in zip(steps, steps.dropFirst()) where before.0 != step.0 {
            let beyond = step.0 < before.0 ? step.0 : step.0 - 1
            let x: Double = (Double(beyond) + 0.5) / 5 - 0.5
            guard x == x.rounded(), x >= 0, x <= Double(width - 1) else { continue }
            let row: Double = (Double(min(step.1, before.1)) + 0.5) / 5 - 0.5
            let y = max(0, min(Double(height), row)).rounded(.up)
            inside[Int(x) * height + Int(y)].toggle()
        }
        var result = [Bool](repeating: false, count: width * height)
        var value = false
        for at in 0..<width * height {
            if inside[at] { value.toggle() }
            result[at % height * width + at / height] = value
        }
        return result
    }

    @Test func poolsJoinAndReuse() throws {
        var (one, two) = (MaskPool(), MaskPool())
        try one.append(runs: [1, 2, 3], width: 2, height: 3)
        try two.append(polygons: [[0, 0, 4, 0, 4, 4, 0, 4]], width: 8, height: 6)
        try two.append(RunLengthMask(width: 1, height: 1, runs: [0, 1]))
        try one.append(contentsOf: two)
        #expect(one.count == 3 && one.area(0) == 2 && one.area(1) == 16 && one.area(2) == 1)
        #expect(one.runs(1) == two.runs(0) && one.width(1) == 8 && one.height(1) == 6 && one.runs(2) == [0, 1])
        one.removeAll()
        #expect(one.count == 0)
        try one.append(compressed: "132", width: 2, height: 3)
        #expect(one.count == 1 && one.runs(0) == [1, 3, 2] && one.area(0) == 3)
    }

    /// The inside of a JSON string: a backslash is two, or an escape.
    @Test func escapedCounts() throws {
        var random = SeededGenerator(seed: 22)
        var backslashes = 0
        var (plain, escaped) = (MaskPool(), MaskPool())
        for index in 0..<500 {
            var runs = (0..<20).map { _ in UInt32(random.below(60)) }
            runs.append(2000 - runs.reduce(0, +))
            let text = String(decoding: runs.withUnsafeBufferPointer(RunLengths.encode), as: UTF8.self)
            backslashes += text.count { $0 == "\\" }
            try plain.append(compressed: text, width: 40, height: 50)
            let written = text.replacingOccurrences(of: "\\", with: index % 2 == 0 ? "\\\\" : "\\u005C")
            try Array(written.utf8).withUnsafeBufferPointer {
                try escaped.append(compressed: $0, isEscaped: true, width: 40, height: 50)
            }
            #expect(plain.runs(index) == runs && escaped.runs(index) == runs)
            let area = try Array(written.utf8).withUnsafeBufferPointer {
                try RunLengths.area(compressed: $0, isEscaped: true, width: 40, height: 50)
            }
            #expect(area == plain.area(index))
        }
        #expect(backslashes > 100)
        for bad in ["\\", "0\\n", "\\u005", "\\u0041"] {
            #expect(throws: LTError.self) {
                try Array(bad.utf8).withUnsafeBufferPointer {
                    try escaped.append(compressed: $0, isEscaped: true, width: 1, height: 1)
                }
            }
        }
    }

    @Test func hostileMasksAreErrors() throws {
        var pool = MaskPool()
        func code(_ body: (inout MaskPool) throws(LTError) -> Void) -> LTError.Code? {
            do { try body(&pool) } catch { return error.code }
            return nil
        }
        func polygon(_ part: [Double], _ width: Int = 10, _ height: Int = 10) -> LTError.Code? {
            code { (pool) throws(LTError) in try pool.append(polygons: [part], width: width, height: height) }
        }
        for bad in [Double.nan, .infinity, -.infinity, 1e300, -1e300, 1e9] {
            #expect(polygon([bad, 0, 4, 0, 4, 4]) == .malformed && polygon([0, 0, 4, bad, 4, 4]) == .malformed)
        }
        #expect(polygon([]) == .malformed && polygon([1, 1, 2, 2]) == .malformed)
        #expect(polygon([1, 1, 2, 2, 3, 3, 4]) == .malformed)
        for (width, height) in [(0, 5), (-1, 5), (5, 0), (Int.max, 2), (1 << 17, 1 << 17)] {
            #expect(polygon([0, 0, 4, 0, 4, 4], width, height) == .invalidArgument)
            #expect(
                code { (pool) throws(LTError) in try pool.append(runs: [5], width: width, height: height) }
                    == .invalidArgument)
            #expect(
                code { (pool) throws(LTError) in try pool.append(compressed: "i0", width: width, height: height) }
                    == .invalidArgument)
        }
        for counts in ["", "6", "60", "~", "ooooooo0", "PPPPPPPPPPPP", "é", "Go", "33:", "\\"] {
            #expect(
                code { (pool) throws(LTError) in try pool.append(compressed: counts, width: 3, height: 3) }
                    == .malformed, "\(counts)")
        }
        #expect(code { (pool) throws(LTError) in try pool.append(runs: [4, 6], width: 3, height: 3) } == .malformed)
        // An outline that crosses hundreds of millions of columns.
        #expect(polygon([0, 0, 2e8, 0, 2e8, 10, 0, 10], 1 << 28, 10) == .outOfMemory)
        // Nothing of these is left behind, and points far outside cost nothing.
        #expect(pool.count == 0)
        #expect(polygon([-2e8, -2e8, 2e8, -2e8, 2e8, 2e8, -2e8, 2e8]) == nil && pool.area(0) == 100)
        #expect(polygon([-2e8, -1e8, 2e8, 1.9e8, 3, -2e8]) == nil)
        #expect(code { (pool) throws(LTError) in try pool.append(polygons: [], width: 4, height: 4) } == nil)
        #expect(pool.count == 3 && pool.area(2) == 0)
    }
}

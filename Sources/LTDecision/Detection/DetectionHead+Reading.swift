// From output tensors to detections: candidates above the threshold, the best of them, suppression, then boxes and masks
// in pixels of the original image. Shapes are checked on every run; nothing in the numbers can trap.

import LTCore
import LTImage

extension DetectionHead {
    /// The detections of one image, best first; of equal scores in the model's order.
    ///
    /// Boxes that are not finite or show nothing of the image are dropped.
    /// - Parameters:
    ///   - index: which image of the batch.
    ///   - count: images in the batch.
    ///   - geometry: how the image became the input tensor.
    /// - Throws: `shapeMismatch` or `typeMismatch` for outputs that are not what the head says, `notFound` for a label
    ///   that is no class.
    public func detections(
        _ tensors: [String: Tensor], image index: Int = 0, of count: Int = 1, geometry: ImageGeometry
    ) throws(LTError) -> [Detection] {
        let rows = try Rows(self, tensors, image: index, of: count)
        // The grids point into the tensors.
        return try withExtendedLifetime(tensors) { () throws(LTError) in
            let candidates = try self.candidates(rows)
            let boxes = candidates.map { box(rows.boxes, $0.row, geometry) }
            let usable = boxes.indices.filter { boxes[$0].isFinite && isVisible(boxes[$0], geometry) }
            var kept = Array(usable.prefix(maxDetections))
            if let suppression {
                let positions = suppression.kept(
                    usable.map { boxes[$0] }, usable.map { candidates[$0].category }, limit: maxDetections)
                kept = positions.map { usable[$0] }
            }
            let masks = try Masks(self, tensors, image: index, of: count, rows: rows)
            var detections: [Detection] = []
            detections.reserveCapacity(kept.count)
            for position in kept {
                let (candidate, box) = (candidates[position], original(boxes[position], geometry))
                detections.append(
                    Detection(
                        category: candidate.category, score: candidate.score,
                        box: box.clipped(width: geometry.originalWidth, height: geometry.originalHeight),
                        mask: try masks?.mask(candidate.row, box, geometry)))
            }
            return detections
        }
    }

    /// Corners in pixels of the tensor.
    private func box(_ grid: Grid, _ row: Int, _ geometry: ImageGeometry) -> Box {
        var (a, b, c, d) = (grid[row, 0], grid[row, 1], grid[row, 2], grid[row, 3])
        if boxUnit == .relative {
            let (width, height) = (Float(geometry.width), Float(geometry.height))
            (a, b, c, d) = (a * width, b * height, c * width, d * height)
        }
        switch boxFormat {
        case .xyxy: return Box(x1: a, y1: b, x2: c, y2: d)
        case .xywh: return Box(x1: a, y1: b, x2: a + c, y2: b + d)
        case .cxcywh: return Box(x1: a - c / 2, y1: b - d / 2, x2: a + c / 2, y2: b + d / 2)
        }
    }

    private func original(_ box: Box, _ geometry: ImageGeometry) -> Box {
        let first = geometry.original(x: Double(box.x1), y: Double(box.y1))
        let second = geometry.original(x: Double(box.x2), y: Double(box.y2))
        return Box(x1: Float(first.x), y1: Float(first.y), x2: Float(second.x), y2: Float(second.y))
    }

    private func isVisible(_ box: Box, _ geometry: ImageGeometry) -> Bool {
        original(box, geometry).clipped(width: geometry.originalWidth, height: geometry.originalHeight).area > 0
    }
}

extension DetectionHead {
    /// A box with one class.
    struct Candidate {
        /// After the activation.
        var score: Float
        /// Calibrated: what thresholds and order go by.
        var rank: Float
        var category: Int
        var row: Int
    }

    /// The best `maxCandidates` above the threshold, best first.
    private func candidates(_ rows: Rows) throws(LTError) -> [Candidate] {
        var best = Best(limit: maxCandidates, threshold: scoreThreshold)
        if let labels = rows.labels {
            for row in 0..<rows.count {
                let score = activated(rows.scores[row, 0]) * (rows.objectness.map { activated($0[row, 0]) } ?? 1)
                // Rows that only fill up a fixed number of objects may hold anything as their label.
                guard score > 0, decider.isCalibrated || score >= scoreThreshold else { continue }
                guard let category = try category(try labels.value(row)) else { continue }
                best.add(score, decider.calibrated(score, category), category, row)
            }
            return best.sorted
        }
        let first = background == .first ? 1 : 0
        let categories = rows.scores.columns - (background == .none ? 0 : 1)
        guard categories >= 1, categoryCount == 0 || categories == categoryCount else {
            throw LTError(
                .shapeMismatch,
                "\(rows.scores.columns) columns of scores, expected \(categoryCount) classes"
                    + (background == .none ? "" : " and background"))
        }
        var softmax = [Float](repeating: 0, count: activation == .softmax ? rows.scores.columns : 0)
        // Most candidates are far below the threshold: their raw score tells, without an exponential.
        var floor = -Float.infinity
        if rows.objectness == nil, !decider.isCalibrated, activation == .sigmoid, 0 < scoreThreshold {
            floor = DetectionDecider.logOdds(scoreThreshold) - 1e-3
        }
        for row in 0..<rows.count {
            let objectness = rows.objectness.map { activated($0[row, 0]) } ?? 1
            if activation == .softmax {
                for column in softmax.indices { softmax[column] = rows.scores[row, column] }
                softmax.withUnsafeMutableBufferPointer { Decider.softmax($0) }
            }
            var top: Candidate?
            for category in 0..<categories {
                let raw = rows.scores[row, first + category]
                if raw < floor { continue }
                let score = (activation == .softmax ? softmax[first + category] : activated(raw)) * objectness
                let rank = decider.calibrated(score, category)
                if classesPerBox == .all {
                    best.add(score, rank, category, row)
                } else if rank > top?.rank ?? -.infinity {
                    top = Candidate(score: score, rank: rank, category: category, row: row)
                }
            }
            if let top { best.add(top.score, top.rank, top.category, row) }
        }
        return best.sorted
    }

    private func activated(_ raw: Float) -> Float { activation == .sigmoid ? Decider.sigmoid(raw) : raw }

    /// Keeps the best so many of a stream, in memory for twice as many.
    private struct Best {
        let limit: Int
        var threshold: Float
        private var items: [Candidate] = []
        private var hasDropped = false

        init(limit: Int, threshold: Float) { (self.limit, self.threshold) = (limit, threshold) }

        mutating func add(_ score: Float, _ rank: Float, _ category: Int, _ row: Int) {
            // Of equals the earlier one wins, so once some were dropped a later one must be better than the worst kept.
            guard hasDropped ? rank > threshold : rank >= threshold else { return }
            items.append(Candidate(score: score, rank: rank, category: category, row: row))
            if items.count / 2 >= limit {
                items = Array(sorted.prefix(limit))
                if let worst = items.last { (threshold, hasDropped) = (worst.rank, true) }
            }
        }

        /// Swift's sort is stable.
        var sorted: [Candidate] {
            let all = items.sorted { $0.rank > $1.rank }
            return all.count > limit ? Array(all.prefix(limit)) : all
        }
    }
}

extension DetectionHead {
    /// Rows and columns of numbers in a tensor.
    struct Grid {
        private let pointer: UnsafePointer<Float>
        let rows: Int
        let columns: Int
        private let rowStride: Int
        private let columnStride: Int

        subscript(row: Int, column: Int) -> Float { pointer[row * rowStride + column * columnStride] }

        /// The rows of one image. `dims` are those without the batch; `isUpright` tells which of the two are the rows.
        fileprivate init(_ pointer: UnsafePointer<Float>, _ rows: Int, _ columns: Int, isUpright: Bool) {
            self.pointer = pointer
            (self.rows, self.columns) = (rows, columns)
            (rowStride, columnStride) = isUpright ? (columns, 1) : (1, rows)
        }

        private init(_ grid: Grid, from column: Int, count: Int) {
            pointer = grid.pointer + column * grid.columnStride
            (rows, columns, rowStride, columnStride) = (grid.rows, count, grid.rowStride, grid.columnStride)
        }

        fileprivate func columns(from column: Int, count: Int) -> Grid { Grid(self, from: column, count: count) }
    }

    /// Labels of any number type.
    struct Labels {
        fileprivate enum Source {
            case int64(UnsafePointer<Int64>)
            case int32(UnsafePointer<Int32>)
            case grid(Grid)
        }
        fileprivate let source: Source

        func value(_ row: Int) throws(LTError) -> Int {
            switch source {
            case .int64(let pointer): return Int(pointer[row])
            case .int32(let pointer): return Int(pointer[row])
            case .grid(let grid):
                guard let label = Int(exactly: grid[row, 0]) else {
                    throw LTError(.notFound, "label \(grid[row, 0]), expected a whole number")
                }
                return label
            }
        }
    }

    /// The outputs for one image of a batch, side by side. Valid as long as the tensors live.
    struct Rows {
        let boxes: Grid
        let scores: Grid
        private(set) var labels: Labels?
        private(set) var objectness: Grid?
        private(set) var coefficients: Grid?
        /// Whether the outputs have a batch dimension.
        let isBatched: Bool
        /// Rows that count.
        private(set) var count: Int
        /// Rows that there are.
        var capacity: Int { boxes.rows }

        init(_ head: DetectionHead, _ tensors: [String: Tensor], image: Int, of images: Int) throws(LTError) {
            let reader = Reader(head: head, tensors: tensors, image: image, images: images)
            if let packed = try reader.tensor(.packed) {
                isBatched = packed.dims.count == 3
                let parts = try reader.packed(packed, isBatched)
                guard let boxes = parts[.boxes], let scores = parts[.scores] else {
                    throw LTError(.invalidArgument, "the packed output has no boxes or no scores")
                }
                (self.boxes, self.scores) = (boxes, scores)
                labels = parts[.labels].map { Labels(source: .grid($0)) }
                (objectness, coefficients) = (parts[.objectness], parts[.coefficients])
            } else {
                guard let tensor = try reader.tensor(.boxes) else { throw LTError(.notFound, "no boxes were made") }
                isBatched = tensor.dims.count == 3
                boxes = try reader.grid(.boxes, tensor, isBatched, columns: 4)
                guard let tensor = try reader.tensor(.scores) else { throw LTError(.notFound, "no scores were made") }
                let isFinal = head.outputs[.labels] != nil
                scores = try reader.grid(.scores, tensor, isBatched, rows: boxes.rows, columns: isFinal ? 1 : nil)
                if let tensor = try reader.tensor(.objectness) {
                    objectness = try reader.grid(.objectness, tensor, isBatched, rows: boxes.rows, columns: 1)
                }
                if let tensor = try reader.tensor(.coefficients) {
                    coefficients = try reader.grid(.coefficients, tensor, isBatched, rows: boxes.rows)
                }
                if let tensor = try reader.tensor(.labels) {
                    labels = try reader.labels(tensor, isBatched, rows: boxes.rows)
                }
            }
            guard isBatched || images == 1 else {
                throw LTError(.shapeMismatch, "outputs for one image, \(images) were given", hint: "give --batch 1")
            }
            count = try min(boxes.rows, reader.count() ?? boxes.rows)
        }
    }
}

extension DetectionHead {
    /// Finds the parts of tensors that belong to one image.
    struct Reader {
        let head: DetectionHead
        let tensors: [String: Tensor]
        let image: Int
        let images: Int

        /// The output of a role; `nil` when the model has none.
        func tensor(_ role: Role) throws(LTError) -> Tensor? {
            guard let name = head.outputs[role] else { return nil }
            guard let tensor = tensors[name] else {
                throw LTError(.notFound, "output '\(name)' (\(role.rawValue)) was not made")
            }
            return tensor
        }

        func mismatch(_ role: Role, _ tensor: Tensor, _ expected: String) -> LTError {
            LTError(
                .shapeMismatch,
                "output '\(head.outputs[role] ?? "")' (\(role.rawValue)) has shape \(tensor.shape), expected \(expected)"
            )
        }

        /// The dimensions without the batch, and where the image's part begins, in elements.
        func part(_ role: Role, _ tensor: Tensor, _ isBatched: Bool) throws(LTError) -> (dims: [Int], start: Int) {
            guard isBatched else { return (tensor.dims, 0) }
            guard tensor.dims.first == images, (0..<images).contains(image) else {
                throw mismatch(role, tensor, "\(images) as its first dimension, the images of the batch")
            }
            return (Array(tensor.dims.dropFirst()), tensor.count / max(images, 1) * image)
        }

        func floats(_ role: Role, _ tensor: Tensor) throws(LTError) -> UnsafePointer<Float> {
            guard tensor.type == .float32 else {
                throw LTError(
                    .typeMismatch,
                    "output '\(head.outputs[role] ?? "")' (\(role.rawValue)) is tensor(\(tensor.type.onnxName)), "
                        + "expected tensor(float)")
            }
            return UnsafePointer(tensor.rawPointer.assumingMemoryBound(to: Float.self))
        }

        /// A table of so many rows and columns, in either order; one column may do without its dimension.
        func grid(
            _ role: Role, _ tensor: Tensor, _ isBatched: Bool, rows: Int? = nil, columns: Int? = nil
        ) throws(LTError) -> Grid {
            var (dims, start) = try part(role, tensor, isBatched)
            let pointer = try floats(role, tensor) + start
            if dims.count == 1, columns == 1 { dims.append(1) }
            let expected = "[\(rows.map(String.init) ?? "K"),\(columns.map(String.init) ?? "C")] for each image"
            guard dims.count == 2 else { throw mismatch(role, tensor, expected) }
            func fits(_ r: Int, _ c: Int) -> Bool { (rows == nil || rows == r) && (columns == nil || columns == c) }
            if fits(dims[0], dims[1]) { return Grid(pointer, dims[0], dims[1], isUpright: true) }
            if fits(dims[1], dims[0]) { return Grid(pointer, dims[1], dims[0], isUpright: false) }
            throw mismatch(role, tensor, expected)
        }

        /// The columns of a packed output, by role.
        func packed(_ tensor: Tensor, _ isBatched: Bool) throws(LTError) -> [Role: Grid] {
            let (dims, start) = try part(.packed, tensor, isBatched)
            let pointer = try floats(.packed, tensor) + start
            var widths: [Role: Int] = [.boxes: 4, .labels: 1, .objectness: 1]
            if head.packed.contains(.coefficients), let prototypes = try self.tensor(.prototypes) {
                widths[.coefficients] = prototypes.dims.count >= 3 ? prototypes.dims[prototypes.dims.count - 3] : nil
            }
            if head.packed.contains(.labels) {
                widths[.scores] = 1
            } else if head.categoryCount > 0 {
                widths[.scores] = head.categoryCount + (head.background == .none ? 0 : 1)
            }
            let known = head.packed.reduce(0) { $0 + (widths[$1] ?? 0) }
            let isComplete = head.packed.allSatisfy { widths[$0] != nil }
            guard dims.count == 2 else { throw mismatch(.packed, tensor, "a table for each image") }
            // Candidates are many more than columns, where nothing else tells which is which.
            let isUpright = isComplete ? dims[1] == known : dims[1] <= dims[0]
            let (rows, columns) = isUpright ? (dims[0], dims[1]) : (dims[1], dims[0])
            let unknown = head.packed.filter { widths[$0] == nil }.count
            guard isComplete ? columns == known : columns > known && unknown == 1 else {
                throw mismatch(.packed, tensor, "\(known)\(isComplete ? "" : " and more") columns for each candidate")
            }
            let grid = Grid(pointer, rows, columns, isUpright: isUpright)
            var parts: [Role: Grid] = [:]
            var column = 0
            for role in head.packed {
                let width = widths[role] ?? columns - known
                parts[role] = grid.columns(from: column, count: width)
                column += width
            }
            return parts
        }

        func labels(_ tensor: Tensor, _ isBatched: Bool, rows: Int) throws(LTError) -> Labels {
            if tensor.type == .float32 {
                return Labels(source: .grid(try grid(.labels, tensor, isBatched, rows: rows, columns: 1)))
            }
            let (dims, start) = try part(.labels, tensor, isBatched)
            guard dims == [rows] || dims == [rows, 1] else {
                throw mismatch(.labels, tensor, "[\(rows)] for each image")
            }
            switch tensor.type {
            case .int64:
                return Labels(
                    source: .int64(UnsafePointer(tensor.rawPointer.assumingMemoryBound(to: Int64.self) + start)))
            case .int32:
                return Labels(
                    source: .int32(UnsafePointer(tensor.rawPointer.assumingMemoryBound(to: Int32.self) + start)))
            default:
                throw LTError(
                    .typeMismatch, "labels are tensor(\(tensor.type.onnxName)), expected tensor(int64) or tensor(int32)"
                )
            }
        }

        /// Rows that count, as the model says.
        func count() throws(LTError) -> Int? {
            guard let tensor = try tensor(.count) else { return nil }
            guard tensor.count == images, (0..<images).contains(image) else {
                throw mismatch(.count, tensor, "\(images) numbers")
            }
            switch tensor.type {
            case .int64: return max(0, Int(tensor.elements(Int64.self)[image]))
            case .int32: return max(0, Int(tensor.elements(Int32.self)[image]))
            default: throw LTError(.typeMismatch, "count is tensor(\(tensor.type.onnxName)), expected tensor(int64)")
            }
        }
    }
}

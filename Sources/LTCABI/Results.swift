// Results: what a host knows as lt_results: decisions about images, or tensors, laid out as C memory when they are made.

import CLongTail
import LTCore
import LTDecision

/// What a call found; immutable.
final class HostResults: Handled, @unchecked Sendable {
    static let kind: (name: String, mark: UInt) = ("lt_results", 3)

    private enum Content {
        case images([Image])
        case tensors([(info: lt_tensor, tensor: Tensor)])
    }

    struct Image {
        var result = lt_image_result()
        var detections: [lt_detection] = []
    }

    private let content: Content
    private let memory = CMemory()
    /// Class names live as long as the model.
    private let model: HostModel?
    /// Classes of an image by score, when somebody asked for them.
    private let ranked = Lock<[Int: [Int32]]>([:])

    init(_ decisions: [Result<Decisions, LTError>], _ model: HostModel) throws(LTError) {
        self.model = model
        var images: [Image] = []
        images.reserveCapacity(decisions.count)
        for (index, result) in decisions.enumerated() {
            switch result {
            case .success(.classes(let classes)): images.append(try Self.image(classes, memory))
            case .success(.detections(let detections)): images.append(try Self.image(detections, model, memory))
            case .failure(let error):
                Log.warning("image \(index): \(error)")
                var image = Image()
                image.result.status = status(error.code)
                image.result.message = try memory.text(error.description)
                images.append(image)
            }
        }
        content = .images(images)
    }

    /// - Parameter tensors: by name, in the order of the model.
    init(_ tensors: [(name: String, tensor: Tensor)]) throws(LTError) {
        model = nil
        var all: [(lt_tensor, Tensor)] = []
        for (name, tensor) in tensors {
            guard tensor.type != .string else {
                throw LTError(
                    .unsupported, "output '\(name)' holds strings, which are not passed", hint: "name the others")
            }
            var info = lt_tensor()
            info.name = try memory.text(name)
            info.element_type = tensor.type.rawValue
            info.rank = tensor.dims.count
            info.dims = try memory.array(tensor.dims.map(Int64.init))
            info.data = UnsafeRawPointer(tensor.rawPointer)
            info.size = tensor.byteCount
            all.append((info, tensor))
        }
        content = .tensors(all)
    }

    var count: Int {
        switch content {
        case .images(let images): images.count
        case .tensors(let tensors): tensors.count
        }
    }

    func tensor(_ index: Int) throws(LTError) -> lt_tensor {
        guard case .tensors(let tensors) = content else {
            throw LTError(.typeMismatch, "results about images, expected tensors")
        }
        return try element(tensors, index, "tensor").info
    }

    func image(_ index: Int) throws(LTError) -> Image {
        guard case .images(let images) = content else {
            throw LTError(.typeMismatch, "tensors, expected results about images")
        }
        return try element(images, index, "image")
    }

    func detection(_ image: Int, _ index: Int) throws(LTError) -> lt_detection {
        let found = try self.image(image)
        guard found.result.kind == LT_RESULT_DETECTIONS else { throw mismatch(found, image, "detections") }
        return try element(found.detections, index, "detection")
    }

    func label(_ image: Int, rank: Int) throws(LTError) -> lt_label {
        let found = try self.image(image).result
        guard found.kind == LT_RESULT_CLASSES, let model, let scores = found.scores else {
            throw mismatch(try self.image(image), image, "classes")
        }
        let order = ranked.withLock { ranked in
            if let order = ranked[image] { return order }
            // NaN comes last; equal scores in the order of classes.
            let order = (0..<Int32(found.count)).sorted { one, other in
                let (a, b) = (scores[Int(one)], scores[Int(other)])
                return a.isNaN || b.isNaN ? !a.isNaN || one < other && b.isNaN : a > b || a == b && one < other
            }
            ranked[image] = order
            return order
        }
        let index = Int(try element(order, rank, "rank"))
        let info = model.classes[index]
        var label = lt_label()
        (label.index, label.id, label.name) = (index, info.id, info.name)
        (label.raw, label.score) = (found.raw[index], scores[index])
        label.is_positive = Int32(found.decisions[index])
        return label
    }

    private func mismatch(_ image: Image, _ index: Int, _ wanted: String) -> LTError {
        if image.result.status != LT_OK {
            return LTError(.notFound, "image \(index) failed", hint: "lt_results_get_image says why")
        }
        let kind = image.result.kind == LT_RESULT_CLASSES ? "classes" : "detections"
        return LTError(.typeMismatch, "image \(index) has \(kind), expected \(wanted)")
    }

    private static func image(_ classes: [ClassDecision], _ memory: CMemory) throws(LTError) -> Image {
        let raw = try memory.array(Float.self, count: classes.count)
        let scores = try memory.array(Float.self, count: classes.count)
        let decisions = try memory.array(UInt8.self, count: classes.count)
        for (index, one) in classes.enumerated() {
            (raw[index], scores[index], decisions[index]) = (one.raw, one.score, one.isPositive ? 1 : 0)
        }
        var image = Image()
        image.result.kind = lt_result_kind(LT_RESULT_CLASSES)
        image.result.count = classes.count
        image.result.raw = UnsafePointer(raw)
        image.result.scores = UnsafePointer(scores)
        image.result.decisions = UnsafePointer(decisions)
        return image
    }

    private static func image(
        _ detections: [DetectionDecision], _ model: HostModel, _ memory: CMemory
    ) throws(LTError) -> Image {
        var image = Image()
        image.result.kind = lt_result_kind(LT_RESULT_DETECTIONS)
        image.result.count = detections.count
        image.result.scores = try memory.array(detections.map(\.score))
        image.result.decisions = try memory.array(detections.map { $0.isPositive ? UInt8(1) : 0 })
        for decision in detections {
            let found = decision.detection
            var one = lt_detection()
            let info = model.classes.indices.contains(found.category) ? model.classes[found.category] : nil
            one.index = found.category
            one.id = info?.id ?? Int64(found.category)
            if let info { one.name = info.name } else { one.name = try memory.text("") }
            (one.raw, one.score, one.is_positive) = (found.score, decision.score, decision.isPositive ? 1 : 0)
            (one.x1, one.y1, one.x2, one.y2) = (found.box.x1, found.box.y1, found.box.x2, found.box.y2)
            if let mask = found.mask {
                (one.mask_width, one.mask_height) = (Int32(clamping: mask.width), Int32(clamping: mask.height))
                one.mask_runs = try memory.array(mask.runs)
                one.mask_run_count = mask.runs.count
                one.mask_counts = try memory.text(mask.compressed)
            }
            image.detections.append(one)
        }
        return image
    }
}

@c @implementation
public func lt_results_release(_ results: OpaquePointer!) { Handles.remove(results, HostResults.self) }

@c @implementation
public func lt_results_get_count(_ results: OpaquePointer!, _ count: UnsafeMutablePointer<Int>!) -> lt_status {
    guarded { () throws(LTError) in
        let place = try out(count, "count")
        place.pointee = try Handles.object(results, HostResults.self).count
    }
}

@c @implementation
public func lt_results_get_image(
    _ results: OpaquePointer!, _ image: Int, _ result: UnsafeMutablePointer<lt_image_result>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_image_result.check(result)
        try Handles.object(results, HostResults.self).image(image).result.write(to: place)
    }
}

@c @implementation
public func lt_results_get_label(
    _ results: OpaquePointer!, _ image: Int, _ rank: Int, _ label: UnsafeMutablePointer<lt_label>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_label.check(label)
        try Handles.object(results, HostResults.self).label(image, rank: rank).write(to: place)
    }
}

@c @implementation
public func lt_results_get_detection(
    _ results: OpaquePointer!, _ image: Int, _ index: Int, _ detection: UnsafeMutablePointer<lt_detection>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_detection.check(detection)
        try Handles.object(results, HostResults.self).detection(image, index).write(to: place)
    }
}

@c @implementation
public func lt_results_copy_mask(
    _ results: OpaquePointer!, _ image: Int, _ index: Int, _ pixels: UnsafeMutablePointer<UInt8>!, _ size: Int,
    _ stride: Int
) -> lt_status {
    guarded { () throws(LTError) in
        let found = try Handles.object(results, HostResults.self).detection(image, index)
        let place = try out(pixels, "pixels")
        let (width, height) = (Int(found.mask_width), Int(found.mask_height))
        guard width > 0, height > 0, let runs = found.mask_runs else {
            throw LTError(.notFound, "detection \(index) of image \(image) has no mask")
        }
        let stride = stride == 0 ? width : stride
        guard stride >= width else {
            throw LTError(.invalidArgument, "stride \(stride), a row of the mask has \(width) bytes")
        }
        let (above, overflow) = stride.multipliedReportingOverflow(by: height - 1)
        guard !overflow, size >= 0, size - width >= above else {
            throw LTError(
                .bufferTooSmall, "room for \(UInt(bitPattern: size)) bytes, the mask has \(height) rows of \(stride)")
        }
        for row in 0..<height { (place + row * stride).initialize(repeating: 0, count: width) }
        var at = 0
        for run in 0..<found.mask_run_count {
            let end = at + Int(runs[run])
            if run % 2 == 1 { for pixel in at..<end { place[pixel % height * stride + pixel / height] = 1 } }
            at = end
        }
    }
}

@c @implementation
public func lt_results_get_tensor(
    _ results: OpaquePointer!, _ index: Int, _ tensor: UnsafeMutablePointer<lt_tensor>!
) -> lt_status {
    guarded { () throws(LTError) in
        let place = try lt_tensor.check(tensor)
        try Handles.object(results, HostResults.self).tensor(index).write(to: place)
    }
}

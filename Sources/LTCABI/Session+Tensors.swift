// Session on raw tensors: any model, without preprocessing and decisions.

import CLongTail
import LTCore
import LTRuntime

extension lt_tensor {
    /// The tensor that reads the host's memory: where it is when it is aligned as the kernels like it, else a copy.
    func tensor() throws(LTError) -> Tensor {
        guard let type = ElementType(rawValue: element_type), type != .string else {
            throw LTError(
                ElementType(rawValue: element_type) == .string ? .unsupported : .invalidArgument,
                "element_type \(element_type) is no type of numbers")
        }
        guard rank <= LT_MAX_RANK, rank >= 0 else {
            throw LTError(.invalidArgument, "rank \(UInt(bitPattern: rank)), expected at most \(LT_MAX_RANK)")
        }
        var sizes: [Int] = []
        for axis in 0..<rank {
            guard let dims else { throw LTError(.invalidArgument, "dims is NULL, rank \(rank)") }
            sizes.append(Int(dims[axis]))
        }
        let shape = try Shape(sizes)
        let bytes = Tensor.byteCount(type, shape)
        guard size == bytes else {
            throw LTError(
                .shapeMismatch,
                "\(UInt(bitPattern: size)) bytes, tensor(\(type.onnxName)) of shape \(shape) has \(bytes)")
        }
        guard let data else {
            guard bytes == 0 else { throw LTError(.invalidArgument, "data is NULL") }
            return try Tensor(type, shape)
        }
        if Int(bitPattern: data) % 64 == 0 {
            // The run ends before the call returns, and nothing writes to an input.
            let memory = UnsafeMutableRawPointer(mutating: data)
            return Tensor(type, shape, buffer: Buffer(wrapping: memory, byteCount: bytes) {})
        }
        let tensor = try Tensor(type, shape)
        tensor.rawPointer.copyMemory(from: data, byteCount: bytes)
        return tensor
    }
}

@c @implementation
public func lt_session_run(
    _ session: OpaquePointer!, _ inputs: UnsafePointer<lt_tensor>!, _ input_count: Int,
    _ options: UnsafePointer<lt_run_options>!, _ outputs: UnsafeMutablePointer<lt_output_buffer>!, _ output_count: Int,
    _ results: UnsafeMutablePointer<OpaquePointer?>!
) -> lt_status {
    guarded { () throws(LTError) in
        let session = try Handles.object(session, HostSession.self)
        guard (results == nil) != (outputs == nil) else {
            throw LTError(
                .invalidArgument,
                "outputs and results are both \(results == nil ? "NULL" : "given"), expected one of them")
        }
        let interruption = try interruption(options)
        let buffers = try lt_output_buffer.read(outputs, count: outputs == nil ? 0 : try positive(output_count))
        let list = try lt_tensor.read(inputs, count: try positive(input_count))
        try session.exclusively { () throws(LTError) in
            var feed: [String: Tensor] = [:]
            for (index, input) in list.enumerated() {
                let name = try text(input.name, "name of input \(index)")
                guard feed[name] == nil else { throw LTError(.invalidArgument, "input '\(name)' is given twice") }
                feed[name] = try within("input '\(name)'") { () throws(LTError) in try input.tensor() }
            }
            let made = try session.tensorSession().run(feed, interruption: interruption)
            if let results {
                results.pointee = try Handles.add(
                    try HostResults(try keep(made, session.model.plan.outputs.map(\.name), list)))
            } else {
                try copy(made, buffers, outputs)
            }
        }
    }
}

/// The outputs in the order of the model. What only passes on an input is copied: that memory is the host's.
private func keep(
    _ made: [String: Tensor], _ names: [String], _ inputs: [lt_tensor]
) throws(LTError) -> [(name: String, tensor: Tensor)] {
    var all: [(name: String, tensor: Tensor)] = []
    for name in names {
        guard var tensor = made[name] else { continue }
        let start = UInt(bitPattern: tensor.rawPointer)
        if inputs.contains(where: { start &- UInt(bitPattern: $0.data) < UInt(bitPattern: $0.size) }) {
            let copy = try Tensor(tensor.type, tensor.shape)
            copy.rawPointer.copyMemory(from: UnsafeRawPointer(tensor.rawPointer), byteCount: tensor.byteCount)
            tensor = copy
        }
        all.append((name, tensor))
    }
    return all
}

/// Fills the host's buffers, all or none.
private func copy(
    _ made: [String: Tensor], _ buffers: [lt_output_buffer], _ places: UnsafeMutablePointer<lt_output_buffer>
) throws(LTError) {
    var filled: [(buffer: lt_output_buffer, tensor: Tensor)] = []
    for (index, buffer) in buffers.enumerated() {
        let name = try text(buffer.name, "name of output \(index)")
        guard let tensor = made[name] else { throw LTError(.notFound, "the model has no output '\(name)'") }
        guard tensor.type != .string else {
            throw LTError(.unsupported, "output '\(name)' holds strings, which are not passed")
        }
        let bytes = tensor.byteCount
        guard buffer.capacity >= bytes else {
            throw LTError(
                .bufferTooSmall,
                "room for \(buffer.capacity) bytes, output '\(name)' of shape \(tensor.shape) has \(bytes)")
        }
        guard buffer.data != nil || bytes == 0 else {
            throw LTError(.invalidArgument, "data of output '\(name)' is NULL")
        }
        guard tensor.dims.count <= LT_MAX_RANK else {
            throw LTError(.unsupported, "output '\(name)' has \(tensor.dims.count) dimensions, at most \(LT_MAX_RANK)")
        }
        filled.append((buffer, tensor))
    }
    for (index, item) in filled.enumerated() {
        var (buffer, tensor) = item
        buffer.data?.copyMemory(from: UnsafeRawPointer(tensor.rawPointer), byteCount: tensor.byteCount)
        buffer.size = tensor.byteCount
        buffer.element_type = tensor.type.rawValue
        buffer.rank = tensor.dims.count
        withUnsafeMutableBytes(of: &buffer.dims) { bytes in
            let dims = bytes.bindMemory(to: Int64.self)
            for axis in 0..<Int(LT_MAX_RANK) {
                dims[axis] = axis < tensor.dims.count ? Int64(tensor.dims[axis]) : 0
            }
        }
        buffer.write(to: UnsafeMutableRawPointer(places) + index * Int(bitPattern: buffer.struct_size.magnitude))
    }
}

// Structs: reading and filling the structs of hosts that were built with another version of the header. A shorter struct
// lacks the newer fields, which count as zero; a longer one must hold zeros where this library knows no field.

import CLongTail
import LTCore

/// A struct whose first field is its size.
protocol Sized {
    init()
    var struct_size: Int { get set }
    /// Bytes of the struct in the first version of the interface.
    static var firstSize: Int { get }
}

extension Sized {
    /// The host's struct.
    /// - Throws: `invalidArgument` for NULL and for a size that no version had; `unsupported` for newer fields in use.
    static func read(_ pointer: UnsafePointer<Self>?) throws(LTError) -> Self {
        guard let pointer else { throw LTError(.invalidArgument, "\(cName) is NULL") }
        return try read(pointer, size: try size(pointer))
    }

    /// The same, NULL for the defaults.
    static func readOrDefault(_ pointer: UnsafePointer<Self>?) throws(LTError) -> Self {
        guard pointer != nil else { return Self() }
        return try read(pointer)
    }

    /// An array of the host's structs, which all have the size of the first.
    static func read(_ pointer: UnsafePointer<Self>?, count: Int) throws(LTError) -> [Self] {
        guard count > 0 else { return [] }
        guard count <= 1 << 20 else {
            throw LTError(.invalidArgument, "\(count) of \(cName), expected at most \(1 << 20)")
        }
        guard let pointer else { throw LTError(.invalidArgument, "\(cName) is NULL, count \(count)") }
        let size = try size(pointer)
        var all: [Self] = []
        all.reserveCapacity(count)
        for index in 0..<count {
            let place = UnsafeRawPointer(pointer) + index * size
            guard place.loadUnaligned(as: Int.self) == size else {
                throw LTError(
                    .invalidArgument,
                    "struct_size of \(cName) \(index) is \(place.loadUnaligned(as: Int.self)), the first one's is \(size)"
                )
            }
            all.append(try read(place, size: size))
        }
        return all
    }

    /// Fills the host's struct as far as the host knows it.
    static func check(_ pointer: UnsafeMutablePointer<Self>?) throws(LTError) -> UnsafeMutablePointer<Self> {
        guard let pointer else { throw LTError(.invalidArgument, "\(cName) is NULL") }
        _ = try size(UnsafePointer(pointer))
        return pointer
    }

    /// Writes the value into a checked struct of the host; fields that only a newer host knows become zero.
    func write(to pointer: UnsafeMutableRawPointer) {
        let size = pointer.loadUnaligned(as: Int.self)
        var value = self
        value.struct_size = size
        let own = MemoryLayout<Self>.size
        withUnsafeBytes(of: value) { bytes in
            if let base = bytes.baseAddress { pointer.copyMemory(from: base, byteCount: min(size, own)) }
        }
        if size > own { (pointer + own).initializeMemory(as: UInt8.self, repeating: 0, count: size - own) }
    }

    /// `lt_model_options` and the like.
    static var cName: String { String(describing: Self.self) }

    private static func size(_ pointer: UnsafePointer<Self>) throws(LTError) -> Int {
        let size = UnsafeRawPointer(pointer).loadUnaligned(as: Int.self)
        guard firstSize...4096 ~= size else {
            throw LTError(
                .invalidArgument, "struct_size of \(cName) is \(size)", hint: "set it to sizeof(\(cName))")
        }
        return size
    }

    private static func read(_ place: UnsafeRawPointer, size: Int) throws(LTError) -> Self {
        let own = MemoryLayout<Self>.size
        for offset in stride(from: own, to: size, by: 1) where place.load(fromByteOffset: offset, as: UInt8.self) != 0 {
            throw LTError(
                .unsupported,
                "\(cName) has \(size) bytes and uses more than the \(own) that this library (\(longtailVersion)) knows",
                hint: "use a library at least as new as the header")
        }
        var value = Self()
        withUnsafeMutableBytes(of: &value) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: place, count: min(size, own)))
        }
        return value
    }
}

// The sizes of the first version: up to the end of its last field, the pad to 8 included.
extension lt_allocator: Sized { static let firstSize = 32 }
extension lt_model_options: Sized { static let firstSize = 48 }
extension lt_model_info: Sized { static let firstSize = 104 }
extension lt_tensor_info: Sized { static let firstSize = 40 }
extension lt_class_info: Sized { static let firstSize = 48 }
extension lt_run_options: Sized { static let firstSize = 24 }
extension lt_image: Sized { static let firstSize = 48 }
extension lt_score_buffers: Sized { static let firstSize = 48 }
extension lt_image_result: Sized { static let firstSize = 64 }
extension lt_label: Sized { static let firstSize = 48 }
extension lt_detection: Sized { static let firstSize = 96 }
extension lt_tensor: Sized { static let firstSize = 56 }
extension lt_output_buffer: Sized { static let firstSize = 184 }

// CMemory: texts and arrays that hosts read, freed together with the object that hands them out.

import LTCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Memory that is filled while its owner is made and only read afterwards.
final class CMemory: @unchecked Sendable {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit { for block in blocks { free(block) } }

    /// Uninitialised elements, at least one so that the pointer is one.
    /// - Throws: `outOfMemory`.
    func array<Element>(_: Element.Type, count: Int) throws(LTError) -> UnsafeMutablePointer<Element> {
        let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflow, let block = malloc(bytes) else {
            throw LTError(.outOfMemory, "cannot allocate \(count) values of \(MemoryLayout<Element>.stride) bytes")
        }
        blocks.append(block)
        return block.bindMemory(to: Element.self, capacity: max(count, 1))
    }

    func array<Element>(_ elements: [Element]) throws(LTError) -> UnsafePointer<Element> {
        let memory = try array(Element.self, count: elements.count)
        memory.initialize(from: elements, count: elements.count)
        return UnsafePointer(memory)
    }

    /// The text with a zero behind it; what follows a zero in it is lost.
    func text(_ text: String) throws(LTError) -> UnsafePointer<CChar> {
        var text = text
        let count = text.utf8.count
        let memory = try array(CChar.self, count: count + 1)
        text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                if let base = chars.baseAddress { memory.initialize(from: base, count: count) }
            }
        }
        memory[count] = 0
        return UnsafePointer(memory)
    }
}

/// A host's text.
/// - Throws: `invalidArgument` for NULL and for bytes that are no UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(LTError) -> String {
    guard let pointer else { throw LTError(.invalidArgument, "\(what) is NULL") }
    guard let text = String(validatingCString: pointer) else {
        throw LTError(.invalidArgument, "\(what) is not UTF-8")
    }
    return text
}

/// Checks an out-parameter.
func out<Value>(_ pointer: UnsafeMutablePointer<Value>?, _ what: String) throws(LTError) -> UnsafeMutablePointer<Value>
{
    guard let pointer else { throw LTError(.invalidArgument, "\(what) is NULL") }
    return pointer
}

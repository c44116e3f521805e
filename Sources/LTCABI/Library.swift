// Library: versions, the log and the allocator: what concerns the process, not a model.

import CLongTail
import LTCore

@c @implementation
public func lt_abi_version() -> UInt32 { UInt32(LT_ABI_VERSION) }

@c @implementation
public func lt_version() -> UnsafePointer<CChar>! { Library.version }

enum Library {
    /// Lives as long as the process.
    nonisolated(unsafe) static let version: UnsafePointer<CChar>? = {
        // Kept on purpose: hosts hold the pointer.
        let memory = Unmanaged.passRetained(CMemory()).takeUnretainedValue()
        return try? memory.text(longtailVersion)
    }()
}

/// Whoever listens to what happens.
enum Log {
    private struct Listener: @unchecked Sendable {
        var function: lt_log_function?
        var context: UnsafeMutableRawPointer?
        var least: lt_log_level = 0
    }

    private static let listener = Lock(Listener())

    static func listen(_ function: lt_log_function?, _ context: UnsafeMutableRawPointer?, _ least: lt_log_level) {
        listener.withLock { $0 = Listener(function: function, context: context, least: least) }
    }

    /// Tells the listener; the text is made only when there is one.
    static func note(_ level: Int, _ text: @autoclosure () -> String) {
        let listener = listener.withLock { $0 }
        guard let function = listener.function, level >= listener.least else { return }
        text().withCString { function(listener.context, lt_log_level(level), $0) }
    }

    static func debug(_ text: @autoclosure () -> String) { note(Int(LT_LOG_DEBUG), text()) }
    static func info(_ text: @autoclosure () -> String) { note(Int(LT_LOG_INFO), text()) }
    static func warning(_ text: @autoclosure () -> String) { note(Int(LT_LOG_WARNING), text()) }
}

@c @implementation
public func lt_set_log(
    _ function: lt_log_function!, _ context: UnsafeMutableRawPointer!, _ least: lt_log_level
) -> lt_status {
    guarded { () throws(LTError) in
        guard LT_LOG_DEBUG...LT_LOG_WARNING ~= Int(least) else {
            throw LTError(.invalidArgument, "log level \(least), expected \(LT_LOG_DEBUG) to \(LT_LOG_WARNING)")
        }
        Log.listen(function, context, least)
    }
}

@c @implementation
public func lt_set_allocator(_ allocator: UnsafePointer<lt_allocator>!) -> lt_status {
    guarded { () throws(LTError) in
        guard allocator != nil else { return BufferAllocator.use(nil) }
        let host = try lt_allocator.read(allocator)
        guard let allocate = host.allocate, let release = host.release else {
            throw LTError(.invalidArgument, "lt_allocator without \(host.allocate == nil ? "allocate" : "release")")
        }
        let context = HostContext(pointer: host.context)
        BufferAllocator.use(
            BufferAllocator(
                allocate: { allocate(context.pointer, $0, $1) }, release: { release(context.pointer, $0, $1) }))
    }
}

/// The host's own pointer, which its functions get back.
private struct HostContext: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer?
}

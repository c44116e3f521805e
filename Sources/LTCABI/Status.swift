// Status: errors as numbers and the thread's message; every exported function that can fail runs in `guarded`.

import CLongTail
import LTCore

/// Runs the body of an exported function: an error becomes its status, and the thread's message.
func guarded(_ body: () throws(LTError) -> Void) -> lt_status {
    do {
        try body()
        return lt_status(LT_OK)
    } catch {
        return report(error)
    }
}

/// Keeps the error as the thread's message.
@discardableResult
func report(_ error: LTError) -> lt_status {
    var text = error.description
    text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { ltc_set_error_message($0.baseAddress, $0.count) }
    }
    return status(error.code)
}

/// The status of an error. A code of a newer layer that the interface has no number for is an internal one.
func status(_ code: LTError.Code) -> lt_status {
    lt_status(statuses.first { $0.code == code }?.status ?? LT_INTERNAL)
}

private let statuses: [(code: LTError.Code, status: Int)] = [
    (.invalidArgument, LT_INVALID_ARGUMENT), (.invalidHandle, LT_INVALID_HANDLE), (.io, LT_IO),
    (.malformed, LT_MALFORMED), (.unsupported, LT_UNSUPPORTED), (.notFound, LT_NOT_FOUND),
    (.shapeMismatch, LT_SHAPE_MISMATCH), (.typeMismatch, LT_TYPE_MISMATCH), (.outOfMemory, LT_OUT_OF_MEMORY),
    (.cancelled, LT_CANCELLED), (.timedOut, LT_TIMED_OUT), (.busy, LT_BUSY), (.bufferTooSmall, LT_BUFFER_TOO_SMALL),
    (.conflict, LT_CONFLICT), (.notFinite, LT_NOT_FINITE), (.library, LT_INTERNAL),
]

private let names: [StaticString] = [
    "LT_OK", "LT_INVALID_ARGUMENT", "LT_INVALID_HANDLE", "LT_IO", "LT_MALFORMED", "LT_UNSUPPORTED", "LT_NOT_FOUND",
    "LT_SHAPE_MISMATCH", "LT_TYPE_MISMATCH", "LT_OUT_OF_MEMORY", "LT_CANCELLED", "LT_TIMED_OUT", "LT_BUSY",
    "LT_BUFFER_TOO_SMALL", "LT_CONFLICT", "LT_NOT_FINITE", "LT_INTERNAL",
]

@c @implementation
public func lt_status_name(_ status: lt_status) -> UnsafePointer<CChar>! {
    let name: StaticString = names.indices.contains(Int(status)) ? names[Int(status)] : "LT_UNKNOWN"
    return UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func lt_last_error_message() -> UnsafePointer<CChar>! { ltc_error_message() }

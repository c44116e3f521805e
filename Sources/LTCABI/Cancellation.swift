// Cancellation: stopping calls from other threads, and what a call is told about stopping.

import CLongTail
import LTCore

final class HostCancellation: Handled {
    static let kind: (name: String, mark: UInt) = ("lt_cancellation", 4)
    let cancellation = Cancellation()
}

@c @implementation
public func lt_cancellation_create(_ cancellation: UnsafeMutablePointer<OpaquePointer?>!) -> lt_status {
    guarded { () throws(LTError) in
        let place = try out(cancellation, "cancellation")
        place.pointee = try Handles.add(HostCancellation())
    }
}

@c @implementation
public func lt_cancellation_cancel(_ cancellation: OpaquePointer!) -> lt_status {
    guarded { () throws(LTError) in try Handles.object(cancellation, HostCancellation.self).cancellation.cancel() }
}

@c @implementation
public func lt_cancellation_reset(_ cancellation: OpaquePointer!) -> lt_status {
    guarded { () throws(LTError) in try Handles.object(cancellation, HostCancellation.self).cancellation.reset() }
}

@c @implementation
public func lt_cancellation_release(_ cancellation: OpaquePointer!) {
    Handles.remove(cancellation, HostCancellation.self)
}

/// What a call's options say about stopping it; the time counts from here.
func interruption(_ options: UnsafePointer<lt_run_options>?) throws(LTError) -> Interruption {
    guard options != nil else { return .none }
    let options = try lt_run_options.read(options)
    guard options.timeout_ms >= 0 else {
        throw LTError(.invalidArgument, "timeout_ms \(options.timeout_ms), expected 0 or more")
    }
    let cancellation =
        options.cancellation == nil ? nil : try Handles.object(options.cancellation, HostCancellation.self).cancellation
    // Beyond a century there is no deadline.
    let limit: Int64 = 100 * 366 * 86_400_000
    let deadline =
        options.timeout_ms == 0 || options.timeout_ms > limit
        ? nil : ContinuousClock.now + .milliseconds(options.timeout_ms)
    if cancellation == nil, deadline == nil { return .none }
    return Interruption(cancellation, deadline: deadline)
}

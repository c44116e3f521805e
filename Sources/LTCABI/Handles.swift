// Handles: what a host holds is the name of a slot, not an address: a slot's number, the kind of thing and a generation that
// grows when the slot is used again. So a stale, foreign or mistaken handle is told apart without reading memory.

import CLongTail
import LTCore

/// A kind of thing that a host can hold.
protocol Handled: AnyObject, Sendable {
    /// What the header calls it, and its mark in handles (1…255).
    static var kind: (name: String, mark: UInt) { get }
}

/// The things that hosts hold.
enum Handles {
    private struct Slot {
        var object: (any Handled)?
        var generation: UInt32 = 1
    }

    private struct Table {
        var slots: [Slot] = []
        var free: [Int] = []
    }

    private static let table = Lock(Table())

    /// The largest number of handles at a time.
    static let limit = 1 << 24

    /// - Throws: `outOfMemory` when there are too many.
    static func add(_ object: some Handled) throws(LTError) -> OpaquePointer {
        let name: UInt? = table.withLock { table in
            let index: Int
            if let last = table.free.popLast() {
                index = last
            } else {
                guard table.slots.count < limit else { return nil }
                index = table.slots.count
                table.slots.append(Slot())
            }
            table.slots[index].object = object
            return UInt(table.slots[index].generation) << 32 | type(of: object).kind.mark << 24 | UInt(index)
        }
        guard let name, let pointer = OpaquePointer(bitPattern: name) else {
            throw LTError(.outOfMemory, "\(limit) handles are in use", hint: "release what is no longer needed")
        }
        return pointer
    }

    /// - Throws: `invalidArgument` for NULL; `invalidHandle`.
    static func object<Object: Handled>(_ handle: OpaquePointer?, _: Object.Type = Object.self) throws(LTError)
        -> Object
    {
        guard let handle else { throw LTError(.invalidArgument, "\(Object.kind.name) is NULL") }
        let found = table.withLock { table in slot(handle, table).map { table.slots[$0].object } ?? nil }
        guard let found else {
            throw LTError(.invalidHandle, "\(Object.kind.name) was released already or is no handle")
        }
        guard let object = found as? Object else {
            throw LTError(.invalidHandle, "\(type(of: found).kind.name), expected \(Object.kind.name)")
        }
        return object
    }

    /// Takes the handle away; NULL, stale handles and those of another kind are left alone.
    static func remove<Object: Handled>(_ handle: OpaquePointer?, _: Object.Type) {
        guard let handle else { return }
        // The object goes after the lock: its end may release much memory.
        let object = table.withLock { table -> (any Handled)? in
            guard let index = slot(handle, table), let object = table.slots[index].object, object is Object else {
                return nil
            }
            table.slots[index].object = nil
            // A slot that has been used 2^32 times is not used again.
            if table.slots[index].generation < .max {
                table.slots[index].generation += 1
                table.free.append(index)
            }
            return object
        }
        withExtendedLifetime(object) {}
    }

    private static func slot(_ handle: OpaquePointer, _ table: Table) -> Int? {
        let bits = UInt(bitPattern: handle)
        let index = Int(bits & 0xFF_FFFF)
        guard index < table.slots.count, table.slots[index].generation == UInt32(bits >> 32),
            let object = table.slots[index].object, type(of: object).kind.mark == bits >> 24 & 0xFF
        else { return nil }
        return index
    }
}

extension LTError.Code {
    static let invalidHandle: Self = "invalidHandle"
    static let busy: Self = "busy"
    static let bufferTooSmall: Self = "bufferTooSmall"
}

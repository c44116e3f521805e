// The words that name devices, and what becomes of those that this build does not run on.

import LTCore
import LTRuntime
import Testing

@Suite struct DeviceTests {
    @Test func names() throws {
        let known: [(String, Device)] = [
            ("cpu", .cpu), ("reference", .reference), ("auto", .auto), ("cuda", .cuda([0])), ("cuda:0", .cuda([0])),
            ("cuda:17", .cuda([17])), ("cuda:1023", .cuda([1023])), ("cuda:0,cuda:1", .cuda([0, 1])),
            ("cuda:2,cuda", .cuda([2, 0])),
        ]
        for (text, device) in known { #expect(try Device(text) == device, "\(text)") }
    }

    @Test(arguments: [
        ("", "no device ''"), ("tpu", "no device 'tpu'"), ("CPU", "no device 'CPU'"), ("cpu:1", "no device 'cpu:1'"),
        ("cuda0", "no device 'cuda0'"), (" cuda:0", "no device ' cuda:0'"), ("reference ", "no device 'reference '"),
    ]) func unknownNames(text: String, words: String) throws {
        let error = try #require(#expect(throws: LTError.self) { try Device(text) })
        #expect(error.code == .notFound)
        #expect(
            error.message == "\(words), expected cpu, reference, auto, cuda:N or a list such as cuda:0,cuda:1")
    }

    @Test(arguments: [
        ("cuda:", "'' is not the number of a device"), ("cuda:x", "'x' is not the number"),
        ("cuda:-1", "'-1' is not the number"), ("cuda:+1", "'+1' is not"), ("cuda:01", "'01' is not"),
        ("cuda:1024", "'1024' is not"), ("cuda:99999999999999999999", "expected cuda:0 to cuda:1023"),
        ("cuda:0:1", "'0:1' is not"), ("cuda:0 ", "'0 ' is not"), ("cuda:0,cuda:0", "cuda:0 twice"),
        ("cuda,cuda:0", "cuda:0 twice"), ("cpu,cuda:0", "'cpu' in a list, which holds CUDA devices only"),
        ("cuda:0,auto", "'auto' in a list"), ("cuda:0,", "'' in a list"), (",", "'' in a list"),
        ("cuda:0,1", "'1' in a list"), ("cuda:0, cuda:1", "' cuda:1' in a list"),
    ]) func namesThatMakeNoSense(text: String, words: String) throws {
        let error = try #require(#expect(throws: LTError.self) { try Device(text) })
        #expect(error.code == .invalidArgument)
        #expect(error.message.hasPrefix("device '\(text)': "))
        #expect(error.message.contains(words), "\(error.message)")
    }

    @Test func backends() throws {
        for backend in BackendTable.all { #expect(try BackendTable.named(backend.name).name == backend.name) }
        #expect(try BackendTable.choose("cpu").note == nil && BackendTable.choose("reference").note == nil)
        // Whatever the machine has: no CUDA device is replaced, and `auto` says the same reason.
        for device in ["cuda", "cuda:0", "cuda:0,cuda:1"] {
            let error = try #require(#expect(throws: LTError.self) { try BackendTable.named(device) })
            #expect(error.code == .unsupported && error.hint != nil)
            #expect(error.context == ["device '\(device)'"])
        }
        let reason = try #require(#expect(throws: LTError.self) { try BackendTable.named("cuda:0") }).message
        let (backend, note) = try BackendTable.choose("auto")
        #expect(backend.name == "cpu" && note == "device auto is cpu: \(reason)")
    }
}

// Examples/c/serve.c as clients see it: right answers, many at once, hostile requests, and its end.

import Foundation
import Synchronization
import Testing

/// The service as a process of its own.
private final class Service: @unchecked Sendable {
    let process = Process()
    let port: UInt16
    private let output = Pipe()

    init(_ arguments: [String], model: String = "scores") throws {
        let host = try Host("serve", in: ExampleTests.folder)
        process.executableURL = URL(fileURLWithPath: host.path)
        process.arguments = ["-p", "0"] + arguments + [try Scene.folder() + "/\(model).onnx"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { break }
            line += more
        }
        let text = String(decoding: line, as: UTF8.self)
        port = try #require(text.firstMatch(of: #/^listening on 127\.0\.0\.1:(\d+)\n$/#).flatMap { UInt16($0.1) })
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Ends it as a service manager does.
    func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// A connection to it.
    func connect() throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0)
        return descriptor
    }

    /// Sends bytes as they are and reads to the end.
    func exchange(_ bytes: [UInt8]) throws -> (code: Int, body: Data) {
        let descriptor = try connect()
        defer { close(descriptor) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { break }
            sent += count
        }
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            answer += buffer[..<count]
        }
        let gap = answer.range(of: Data("\r\n\r\n".utf8))
        let head = String(decoding: answer[..<(gap?.lowerBound ?? answer.endIndex)], as: UTF8.self)
        let code = head.firstMatch(of: #/^HTTP/1\.1 (\d{3}) /#).flatMap { Int($0.1) }
        let body = gap.map { Data(answer[$0.upperBound...]) } ?? Data()
        #expect(head.contains("Content-Length: \(body.count)"))
        return (code ?? 0, body)
    }

    func exchange(_ text: String) throws -> (code: Int, body: Data) { try exchange(Array(text.utf8)) }

    func predict(_ file: String) throws -> (code: Int, body: Data) {
        let body = [UInt8](try Data(contentsOf: URL(fileURLWithPath: try Scene.folder() + "/" + file)))
        return try exchange(
            Array("POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
    }
}

@Suite struct ServeExampleTests {
    private struct Answer: Decodable, Equatable {
        struct Class: Decodable, Equatable {
            var id: Int
            var name: String
            var score: Float
            var decision: Bool
        }
        var classes: [Class]?
        var detections: [Class]?
        var error: String?
    }

    private func parse(_ body: Data) throws -> Answer { try JSONDecoder().decode(Answer.self, from: body) }

    @Test func answersAreTheModels() throws {
        let service = try Service(["-n", "2"])
        let folder = try Scene.folder() + "/served"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: try Scene.folder() + "/picture.jpg", toPath: folder + "/picture.jpg")
        let reference = try Host("classify_folder", in: ExampleTests.folder)
            .run(["-k", "5", "-t", "1", try Scene.folder() + "/scores.onnx", folder])
        let (code, body) = try service.predict("picture.jpg")
        #expect(code == 200)
        let rows = try #require(try parse(body).classes).map { one in
            "\(folder)/picture.jpg,\(one.name),\(one.score),\(one.decision ? 1 : 0),"
        }
        let expected = reference.output.split(separator: "\r\n").dropFirst().map { row in
            let cells = row.split(separator: ",", omittingEmptySubsequences: false)
            return "\(cells[0]),\(cells[1]),\(Float(cells[2]) ?? -1),\(cells[3]),"
        }
        #expect(rows == expected && rows.count == 5)
        let (junkCode, junk) = try service.predict("junk.jpg")
        #expect(junkCode == 422)
        #expect(try parse(junk).error == "LT_MALFORMED")
        #expect(try service.exchange("GET /health HTTP/1.1\r\n\r\n").code == 200)
        #expect(service.stop() == 0)
    }

    @Test func detectorsAreServed() throws {
        let service = try Service(["-n", "1"], model: "detector")
        let (code, body) = try service.predict("white.png")
        #expect(code == 200)
        #expect(try parse(body).detections?.isEmpty == false)
        #expect(service.stop(SIGINT) == 0)
    }

    @Test func manyClientsAtOnce() throws {
        let service = try Service(["-n", "3", "-q", "64"])
        let expected = try service.predict("picture.jpg").body
        let wrong = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 60) { _ in
            let answer = try? service.predict("picture.jpg")
            if answer?.code != 200 || answer?.body != expected {
                wrong.withLock { $0.append("\(answer?.code ?? -1)") }
            }
        }
        #expect(wrong.withLock { $0 } == [])
        #expect(service.stop() == 0)
    }

    @Test func hostileRequestsAreRefused() throws {
        let service = try Service(["-n", "1", "-s", "100000"])
        let long = String(repeating: "a", count: 10000)
        for (request, code) in [
            ("nonsense\r\n\r\n", 400), ("POST /predict SPDY/9\r\n\r\n", 400), ("POST /pre\0dict HTTP/1.1\r\n\r\n", 400),
            ("POST /elsewhere HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404), ("GET /predict HTTP/1.1\r\n\r\n", 405),
            ("POST /predict HTTP/1.1\r\n\r\n", 411),
            ("POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
            ("POST /predict HTTP/1.1\r\nContent-Length: 100001\r\n\r\n", 413),
            ("POST /predict HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            ("POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST /predict HTTP/1.1\r\nContent-Length: 1 2\r\n\r\n", 400),
            ("POST /predict HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
            ("POST /predict HTTP/1.1\r\nX: \(long)\r\n\r\n", 431),
            ("POST /predict HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 422),
        ] {
            #expect(try service.exchange(request).code == code, "\(request.prefix(60))")
        }
        // Clients that say nothing more hold no worker.
        let silent = try (0..<20).map { _ in try service.connect() }
        for descriptor in silent.prefix(10) { _ = send(descriptor, "POST /pre", 9, Int32(MSG_NOSIGNAL)) }
        #expect(try service.predict("picture.jpg").code == 200)
        // Nor do they keep it from ending.
        #expect(service.stop() == 0)
        for descriptor in silent { close(descriptor) }
    }

    @Test func whatTakesTooLongIsTold() throws {
        let service = try Service(["-n", "1", "-w", "1"])
        var codes: Set<Int> = []
        for _ in 0..<20 { codes.insert(try service.predict("picture.jpg").code) }
        #expect(codes.isSubset(of: [200, 504]))
        #expect(service.stop() == 0)
    }
}

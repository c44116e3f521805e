// Event files: byte for byte what TensorBoard's own writer gives, and damaged ones are read up to the damage.

import Foundation
import LTCore
import LTTrain
import Testing

@Suite struct EventFileTests {
    static func reference() throws -> (bytes: [UInt8], events: [EventFile.Event]) {
        let data = try Data(contentsOf: Fixtures.folder.appendingPathComponent("events.json"))
        let root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let bytes = try #require((root["file"] as? String).flatMap { Data(base64Encoded: $0) })
        let events = try #require(root["events"] as? [[Any]]).map { event in
            EventFile.Event(
                step: Int(flat(event[0])[0]),
                values: (event[2] as? [[Any]] ?? []).map { ($0[0] as? String ?? "", flat($0[1])[0]) },
                time: flat(event[1])[0])
        }
        return ([UInt8](bytes), events)
    }

    @Test func bytesAreTensorBoards() throws {
        let (bytes, events) = try Self.reference()
        #expect(EventFile.start + events.flatMap(\.record) == bytes)
        let read = EventFile.read(bytes)
        #expect(read.map(\.step) == [0, 300, 70000] && read.map(\.time) == events.map(\.time))
        #expect(read.map(\.tags) == events.map(\.tags))
        #expect(read[1].values.map(\.value) == [0.5, Double(Float(1e-7)), 0])
    }

    @Test func damagedFilesEndAtTheDamage() throws {
        let (bytes, events) = try Self.reference()
        for length in bytes.indices { #expect(EventFile.read(Array(bytes.prefix(length))).count < 3) }
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<500 {
            var damaged = bytes
            damaged[generator.below(bytes.count)] ^= UInt8(1 + generator.below(255))
            let read = EventFile.read(damaged)
            #expect(read.count < 3)
            #expect(read.map(\.step) == Array(events.map(\.step).prefix(read.count)))
        }
    }
}

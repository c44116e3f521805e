// Loading, running and failing says nothing on stdout or stderr: these belong to the host. The test runs in a process of
// its own, whose streams are read.

import Foundation
import LTCore
import LTGraph
import LTImage
import LTPredictor
import LTRuntime
import Testing

@Suite struct SilenceTests {
    @Test func loadsAndRunsAreSilent() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) {
            let model = try tinyModel().serialized()
            let image = try png(9, 99, 200, side: 21)
            var random = SeededGenerator(seed: 41)
            var (ran, failed) = (0, 0)
            for round in 0..<400 {
                var bytes = model
                if round > 0 {
                    for _ in 0...random.below(3) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
                }
                if round % 7 == 1 { bytes.removeLast(random.below(bytes.count)) }
                do {
                    let device = ["cpu", "reference"][round % 2]
                    let predictor = try bytes.withUnsafeBytes {
                        try Predictor(bytes: $0, device: device, options: PlanOptions(threads: 1 + round % 3 / 2))
                    }
                    let session = try predictor.makeSession()
                    _ = try session.decide([image, Array(image.prefix(50)), []])
                    _ = try? session.decide([image], interruption: Interruption(deadline: .now - .seconds(1)))
                    ran += 1
                } catch { failed += 1 }
            }
            #expect(ran > 10 && failed > 10, "\(ran) \(failed)")
            #expect(throws: LTError.self) { try Predictor("/nowhere/at/all.onnx") }
            BufferAllocator.use(BufferAllocator(allocate: { _, _ in nil }, release: { _, _ in }))
            #expect(throws: LTError.self) { try Graph.read(bytes: model) }
        }
        #expect(String(decoding: try #require(result).standardOutputContent, as: UTF8.self) == "")
        #expect(String(decoding: try #require(result).standardErrorContent, as: UTF8.self) == "")
    }
}

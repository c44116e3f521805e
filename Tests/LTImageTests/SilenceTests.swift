// Decoders warn nobody but their caller: stdout and stderr belong to the host. The test runs in a process of its own,
// whose streams are read.

import LTCore
import LTImage
import Testing

@Suite struct SilenceTests {
    @Test func damagedImagesAreSilent() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
        ) {
            let files = try Fixtures.allFiles().map { try Fixtures.file($0) }
            var generator = SeededGenerator(seed: 18)
            var (decoded, refused) = (0, 0)
            for _ in 0..<2500 {
                let bytes = damagedImage(files, &generator)
                do throws(LTError) {
                    _ = try Image.decode(bytes, DecodeOptions(maximumPixels: 1 << 22))
                    decoded += 1
                } catch {
                    refused += 1
                }
            }
            #expect(decoded > 20 && refused > 500)
        }
        #expect(String(decoding: try #require(result).standardOutputContent, as: UTF8.self) == "")
        #expect(String(decoding: try #require(result).standardErrorContent, as: UTF8.self) == "")
    }
}

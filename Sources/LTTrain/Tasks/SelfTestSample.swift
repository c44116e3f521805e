// SelfTestSample: the training picture that an exported file carries as its self-test, small enough to lie in it.

import LTCore
import LTData
import LTDecision
import LTImage

/// A sample and its encoded files.
struct SelfTestSample {
    /// Bytes that the pictures of a self-test take in the file at most, before base64.
    static let size = 1 << 20

    let sample: Sample
    /// By frame; 0 of an image. Those of an archive are PNG.
    private(set) var files: [Int: [UInt8]]

    /// Of the first samples the one with the smallest files, or the first of an archive; nil without samples.
    /// - Parameter frames: those that the network sees; [0] of an image.
    init?(_ samples: [Sample], frames: (Sample) -> [Int] = { _ in [0] }) throws(LTError) {
        var smallest: (sample: Sample, files: [Int: [UInt8]], size: Int)?
        for sample in samples.prefix(50) {
            let own = frames(sample)
            var files: [Int: [UInt8]] = [:]
            for frame in Set(own) {
                files[frame] =
                    switch sample {
                    case .file(let path): try Self.content(path)
                    case .clip(let folder, let names): try Self.content("\(folder)/\(names[frame])")
                    case .archived: try sample.image(frame: frame).encodedPNG()
                    }
            }
            let size = own.reduce(0) { $0 + (files[$1]?.count ?? 0) }
            if !files.isEmpty, size < smallest?.size ?? .max { smallest = (sample, files, size) }
            if case .archived = sample { break }
        }
        guard let smallest else { return nil }
        let allowed = Self.size / frames(smallest.sample).count
        (sample, files) = (smallest.sample, smallest.files)
        for (frame, file) in files { files[frame] = try Self.reduced(file, to: allowed) }
    }

    private static func content(_ path: String) throws(LTError) -> [UInt8] {
        try within("image \(path)") { () throws(LTError) in
            Array(try readFile(path))
        }
    }

    /// A file of more bytes becomes a PNG of so few pixels that they fit.
    private static func reduced(_ file: [UInt8], to allowed: Int) throws(LTError) -> [UInt8] {
        guard file.count > allowed else { return file }
        let image = try Image.decode(file)
        let pixels = Double(image.width * image.height)
        let factor = min(1, (Double(allowed) / (3 * pixels)).squareRoot())
        let size = Preprocess.Size(
            height: max(1, Int(Double(image.height) * factor)), width: max(1, Int(Double(image.width) * factor)))
        return try Preprocess(resize: .init(mode: .squash, size: size)).picture(image).encodedPNG()
    }
}

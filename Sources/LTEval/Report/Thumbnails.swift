// Thumbnails: small pictures of the mistakes' images, inside the report, so that a page shows them without the files.

import Foundation
import LTCore
import LTImage

extension Report {
    /// Adds a picture to every mistake: the image, or for a box the box with half its size around it. What cannot be read
    /// stays without, and a note says how many.
    /// - Parameters:
    ///   - side: the longer side, in pixels.
    ///   - file: the file of an image by the name that mistakes have; `nil` for one that has none.
    public mutating func addThumbnails(side: Int = 112, file: (String) -> String?) {
        let files = mistakes.map { file($0.image) }
        let boxes = mistakes.map(\.box)
        let pictures = parallelMap(mistakes.count) { position in
            files[position].flatMap { try? thumbnail(ofFile: $0, box: boxes[position], side: side) }
        }
        for (position, picture) in pictures.enumerated() { mistakes[position].thumbnail = picture }
        let missing = pictures.count { $0 == nil }
        if missing > 0 {
            notes.append("\(missing) of the mistakes' \(mistakes.count) images could not be read for a picture")
        }
    }
}

/// A JPEG of at most `side` × `side` pixels as a data URI.
private func thumbnail(ofFile path: String, box: [Double], side: Int) throws(LTError) -> String {
    let file = try readFile(path)
    var image = try withExtendedLifetime(file) { () throws(LTError) in try Image.decode(file.bytes) }
    if let rectangle = surroundings(of: box, width: image.width, height: image.height) {
        image = try image.cropped(rectangle)
    }
    let scale = min(1, Double(side) / Double(max(image.width, image.height)))
    let small = try image.resized(
        width: max(1, Int((Double(image.width) * scale).rounded())),
        height: max(1, Int((Double(image.height) * scale).rounded())), kernel: .pilBilinear)
    return "data:image/jpeg;base64," + Data(try small.encodedJPEG(quality: 75)).base64EncodedString()
}

/// The part of an image around a box; `nil` without a box, or where it lies outside.
private func surroundings(of box: [Double], width: Int, height: Int) -> PixelRectangle? {
    guard box.count == 4, box.allSatisfy(\.isFinite), box[2] >= 0, box[3] >= 0 else { return nil }
    func span(_ start: Double, _ length: Double, _ limit: Int) -> Range<Int>? {
        let margin = max(8, length / 2)
        let lower = Int(min(max(start - margin, 0), Double(limit)))
        let upper = Int(min(max(start + length + margin, 0), Double(limit)))
        return lower < upper ? lower..<upper : nil
    }
    guard let x = span(box[0], box[2], width), let y = span(box[1], box[3], height) else { return nil }
    return PixelRectangle(x: x.lowerBound, y: y.lowerBound, width: x.count, height: y.count)
}

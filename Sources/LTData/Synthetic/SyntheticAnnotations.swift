// SyntheticAnnotations: COCO- and LVIS-style JSON of drawn scenes. Boxes and polygons are those of the whole object, also where
// another covers it, cut at the image's border.

import Foundation
import LTCore
import LTDecision

/// A drawn image's size and objects.
struct SyntheticItem: Sendable {
    let width: Int
    let height: Int
    let objects: [SyntheticObject]

    /// An object's outline within the image.
    func outline(of object: SyntheticObject) -> Silhouette {
        let (width, height) = (Double(width), Double(height))
        return Silhouette(
            object.outline.polygons.map { polygon in
                polygon.map { Point(min(width, max(0, $0.x)), min(height, max(0, $0.y))) }
            })
    }

    /// An object's mask, as run lengths.
    func mask(of object: SyntheticObject) throws(LTError) -> RunLengthMask {
        var coverage = [Float](repeating: 0, count: width * height)
        outline(of: object).rasterise(width: width, height: height, into: &coverage)
        let pixels = coverage.map { UInt8($0 >= 0.5 ? 1 : 0) }
        var result: Result<RunLengthMask, LTError> = .failure(LTError(.library, "no mask"))
        pixels.withUnsafeBufferPointer { buffer in
            do throws(LTError) {
                result = .success(try RunLengthMask(width: width, height: height, pixels: buffer))
            } catch { result = .failure(error) }
        }
        return try result.get()
    }
}

/// The members of an annotation file; absent ones are left out.
struct SyntheticAnnotations: Encodable {
    struct Image: Encodable {
        var id: Int
        var file_name: String?
        var width: Int
        var height: Int
        var coco_url: String?
        var neg_category_ids: [Int]?
        var not_exhaustive_category_ids: [Int]?
        var license: Int?
        var rights_holder: String?
    }
    enum Segmentation: Encodable {
        case polygons([[Double]])
        case runs([UInt32], size: [Int])
        case compressed(String, size: [Int])

        private enum Keys: String, CodingKey { case counts, size }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .polygons(let polygons): try polygons.encode(to: encoder)
            case .runs(let runs, let size):
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(runs, forKey: .counts)
                try container.encode(size, forKey: .size)
            case .compressed(let runs, let size):
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(runs, forKey: .counts)
                try container.encode(size, forKey: .size)
            }
        }
    }
    struct Annotation: Encodable {
        var id: Int
        var image_id: Int
        var category_id: Int
        var bbox: [Double]?
        var segmentation: Segmentation?
        var area: Double?
        var iscrowd: Int?

        /// Box, polygons and area of an object.
        init(id: Int, image: Int, category: Int, _ outline: Silhouette) {
            self.id = id
            image_id = image
            category_id = category
            let box = outline.bounds
            bbox = [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0].map(Self.hundredth)
            segmentation = .polygons(
                outline.polygons.map { $0.flatMap { [Self.hundredth($0.x), Self.hundredth($0.y)] } })
            area = Self.hundredth(outline.area)
        }

        /// A class without a place.
        init(id: Int, image: Int, category: Int) {
            self.id = id
            image_id = image
            category_id = category
        }

        private static func hundredth(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    }
    struct Category: Encodable {
        var id: Int
        var name: String
        var supercategory: String?
        var synset: String?
        var frequency: String?
        var image_count: Int?
        var instance_count: Int?
    }
    struct License: Encodable {
        let id: Int
        let name: String
    }
    var info: [String: String]
    var licenses: [License]?
    var images: [Image]
    var annotations: [Annotation]
    var categories: [Category]
}

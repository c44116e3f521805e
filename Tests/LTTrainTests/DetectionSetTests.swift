// DetectionSet: objects and regions out of annotation files, what is wrong in them, counts, decoding with masks.

import Foundation
import LTCore
import LTData
import LTDecision
import LTTrain
import Testing

@Suite struct DetectionSetTests {
    /// The sides of Fixtures/images.
    static let side = 24

    /// Images 1 … 4 (files 00 … 03) of three categories; the last image has no annotation, the last category neither.
    static func dataset(_ annotations: String, images: String? = nil) throws -> Dataset {
        let images =
            images
            ?? (0..<4).map { #"{"id":\#($0 + 1),"file_name":"0\#($0).png","width":\#(side),"height":\#(side)}"# }
            .joined(separator: ",")
        let text = """
            {"images":[\(images)],"categories":[{"id":5,"name":"a","frequency":"f"},{"id":7,"name":"b","frequency":"r"},
            {"id":9,"name":"c","frequency":"r"}],"annotations":[\(annotations)]}
            """
        var dataset = try Array(text.utf8).withUnsafeBytes { bytes throws(LTError) in try Dataset.coco(parsing: bytes) }
        dataset.imageFolder = Fixtures.folder.path + "/images"
        return dataset
    }

    static func annotation(
        _ id: Int, image: Int, category: Int, _ box: [Double], segmentation: String? = nil, crowd: Bool = false
    ) -> String {
        let mask = segmentation.map { #","segmentation":\#($0)"# } ?? ""
        return
            #"{"id":\#(id),"image_id":\#(image),"category_id":\#(category),"bbox":\#(box),"area":4,"iscrowd":\#(crowd ? 1 : 0)\#(mask)}"#
    }

    static let usual = [
        annotation(1, image: 1, category: 5, [1, 2, 4, 5], segmentation: "[[1,2,5,2,5,7,1,7]]"),
        annotation(2, image: 1, category: 7, [-3, 4, 5, 100]),
        annotation(3, image: 2, category: 5, [2, 2, 0, 3]),
        annotation(4, image: 2, category: 5, [200, 200, 5, 5]),
        annotation(5, image: 3, category: 5, [0, 0, 6, 6], segmentation: "[[0,0,1,1],[0,0,6,0,6,6,0,6]]"),
        annotation(6, image: 3, category: 7, [1, 1, 5, 5], crowd: true),
    ].joined(separator: ",")

    @Test func boxesAreCutAndCounted() throws {
        let set = try DetectionSet(Self.dataset(Self.usual))
        #expect(set.count == 4)
        #expect(set.counts.images == [2, 1, 0] && set.counts.total == 2)
        #expect(set.samplerData.labels == [[0, 1], [], [0], []])
        #expect(
            set.notes == [
                "1 boxes reach beyond their pictures: cut at the edges",
                "2 boxes have no area in their pictures: dropped",
                "2 pictures show background alone",
                "1 of 3 categories have no object: they stay, with a count of 0",
            ])
        let first = try set.picture(0)
        #expect(first.objects.map(\.category) == [0, 1])
        #expect(first.objects[0].box == Box(x1: 1, y1: 2, x2: 5, y2: 7))
        #expect(first.objects[1].box == Box(x1: 0, y1: 4, x2: 2, y2: Float(Self.side)))
        #expect(first.masks == [nil, nil])
        let third = try set.picture(2)
        #expect(
            third.truth
                == PictureObjects(
                    boxes: [Box(x1: 0, y1: 0, x2: 6, y2: 6)], categories: [0],
                    ignored: [Box(x1: 1, y1: 1, x2: 6, y2: 6)]))
        #expect(try set.picture(3).objects.isEmpty)
    }

    @Test func emptyPicturesMayBeSkipped() throws {
        let set = try DetectionSet(Self.dataset(Self.usual), emptyPictures: .skip)
        #expect(set.count == 2 && set.counts.total == 2)
        #expect(set.samples.map { $0.name.suffix(6) } == ["00.png", "02.png"])
        #expect(set.notes.contains("2 pictures show no object: left out"))
    }

    @Test func objectsWithoutMaskAreDroppedWhereMasksAreNeeded() throws {
        let set = try DetectionSet(Self.dataset(Self.usual), needsMasks: true)
        #expect(set.notes.contains("1 objects have no mask: dropped"))
        #expect(set.counts.images == [2, 0, 0])
        // The polygon of two points is none.
        #expect(try set.picture(2, masks: true).masks == [.polygons([[0, 0, 6, 0, 6, 6, 0, 6]])])
        #expect(throws: LTError.self) {
            try DetectionSet(
                Self.dataset(Self.annotation(1, image: 1, category: 5, [1, 1, 4, 4])), needsMasks: true)
        }
    }

    @Test func masksMayBeRunLengths() throws {
        let runs = #"{"size":[4,3],"counts":[2,3]}"#
        let compressed =
            #"{"size":[4,3],"counts":"\#(try RunLengthMask(width: 3, height: 4, runs: [1, 4, 7]).compressed)"}"#
        let set = try DetectionSet(
            Self.dataset(
                [
                    Self.annotation(1, image: 1, category: 5, [1, 1, 4, 4], segmentation: runs),
                    Self.annotation(2, image: 1, category: 5, [1, 1, 4, 4], segmentation: compressed),
                ].joined(separator: ",")))
        let masks = try set.picture(0, masks: true).masks
        #expect(masks[0] == .pixels(try RunLengthMask(width: 3, height: 4, runs: [2, 3, 7])))
        #expect(masks[1] == .pixels(try RunLengthMask(width: 3, height: 4, runs: [1, 4, 7])))
    }

    @Test func whatCannotBeTrainedOnIsRefused() throws {
        let one = Self.annotation(1, image: 1, category: 5, [1, 1, 4, 4])
        // No boxes at all.
        #expect(throws: LTError.self) { try DetectionSet(Self.dataset("")) }
        // No size.
        #expect(throws: LTError.self) {
            try DetectionSet(Self.dataset(one, images: #"{"id":1,"file_name":"00.png"}"#))
        }
        // Missing files are counted and named.
        let error = #expect(throws: LTError.self) {
            try DetectionSet(Self.dataset(one, images: #"{"id":1,"file_name":"no.png","width":9,"height":9}"#))
        }
        #expect(error?.message.contains("1 of 1") == true && error?.message.contains("no.png") == true)
        // A file of another size than annotated.
        let set = try DetectionSet(
            Self.dataset(one, images: #"{"id":1,"file_name":"00.png","width":9,"height":9}"#))
        #expect(throws: LTError.self) { try set.picture(0) }
    }
}

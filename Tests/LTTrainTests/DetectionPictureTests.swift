// Pictures with objects under resizing, mirroring, cutting, pasting; the drawn augmentation.

import LTCore
import LTDecision
import LTImage
import LTTrain
import Testing

@Suite struct DetectionPictureTests {
    /// A picture of `width` × `height` pixels of a value, with square objects of masks.
    static func picture(
        _ width: Int, _ height: Int, value: UInt8 = 9, _ squares: [(x: Int, y: Int, side: Int)], polygons: Bool = true
    ) throws -> DetectionPicture {
        let image = try Image(width: width, height: height, channels: 3)
        image.bytes.update(repeating: value)
        let objects = try squares.enumerated().map { index, square in
            let (x1, y1) = (Double(square.x), Double(square.y))
            let (x2, y2) = (x1 + Double(square.side), y1 + Double(square.side))
            let polygon = InstanceMask.polygons([[x1, y1, x2, y1, x2, y2, x1, y2]])
            return DetectionPicture.Object(
                box: Box(x1: Float(x1), y1: Float(y1), x2: Float(x2), y2: Float(y2)), category: index,
                mask: polygons ? polygon : .pixels(try polygon.drawn(width: width, height: height)))
        }
        return DetectionPicture(image: image, objects: objects, ignored: [Box(x1: 0, y1: 0, x2: 4, y2: 2)])
    }

    /// Boxes are where the masks are.
    static func agrees(_ picture: DetectionPicture) throws -> Bool {
        try picture.objects.allSatisfy { object in
            let mask = try #require(object.mask)
            return try mask.drawn(width: picture.image.width, height: picture.image.height).bounds == object.box
        }
    }

    @Test(arguments: [true, false]) func masksFollowBoxes(polygons: Bool) throws {
        let picture = try Self.picture(40, 30, [(2, 4, 10), (20, 10, 20)], polygons: polygons)
        let resized = try picture.resized(width: 80, height: 60)
        #expect(resized.objects[0].box == Box(x1: 4, y1: 8, x2: 24, y2: 28))
        #expect(try Self.agrees(resized))
        #expect(resized.ignored == [Box(x1: 0, y1: 0, x2: 8, y2: 4)])
        let mirrored = try picture.mirrored()
        #expect(mirrored.objects[0].box == Box(x1: 28, y1: 4, x2: 38, y2: 14))
        #expect(try Self.agrees(mirrored))
        #expect(mirrored.ignored == [Box(x1: 36, y1: 0, x2: 40, y2: 2)])
        let cut = try picture.cropped(.init(x: 8, y: 6, width: 20, height: 20))
        #expect(cut.objects.map(\.box) == [Box(x1: 0, y1: 0, x2: 4, y2: 8), Box(x1: 12, y1: 4, x2: 20, y2: 20)])
        #expect(try Self.agrees(cut) && cut.ignored.isEmpty)
        let away = try picture.cropped(.init(x: 14, y: 0, width: 20, height: 20))
        #expect(away.objects.map(\.category) == [1])
        #expect(try Self.agrees(away))
        let padded = try picture.cropped(.init(x: 0, y: 0, width: 64, height: 64), fill: [1, 2, 3])
        #expect(padded.objects.map(\.box) == picture.objects.map(\.box))
        #expect(try Self.agrees(padded))
        #expect(Array(padded.image.bytes.suffix(3)) == [1, 2, 3] && padded.image.bytes[0] == 9)
    }

    /// Pastes with the first draw of a seed that takes `count` objects.
    static func paste(
        _ count: Int, _ picture: DetectionPicture, from other: DetectionPicture, _ paste: CopyPaste = CopyPaste()
    ) throws -> DetectionPicture {
        for seed in 0..<1000 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let result = try paste(picture, from: other, &generator)
            if result.objects.suffix(count) == other.objects.suffix(count),
                result.objects.count >= count, result.objects.dropLast(count).allSatisfy({ $0.category < 50 })
            {
                return result
            }
        }
        throw LTError(.notFound, "no draw of \(count) objects")
    }

    /// One object whose category no other picture has.
    static func stamp(_ x: Int, _ y: Int, _ side: Int) throws -> DetectionPicture {
        var picture = try picture(100, 80, value: 200, [(x, y, side)])
        picture.objects[0].category = 77
        return picture
    }

    @Test func pastedObjectsCoverOthers() throws {
        let picture = try Self.picture(100, 80, [(10, 10, 40)])
        // Covers the right 5 columns of 40: the box moves little.
        let result = try Self.paste(1, picture, from: Self.stamp(45, 5, 50))
        #expect(result.objects.map(\.category) == [0, 77])
        #expect(result.objects[0].box == Box(x1: 10, y1: 10, x2: 45, y2: 50))
        #expect(try Self.agrees(result))
        #expect(result.image.bytes[(20 * 100 + 50) * 3] == 200 && result.image.bytes[(20 * 100 + 40) * 3] == 9)
        #expect(result.ignored == picture.ignored)
        // Covers 32 of 40 columns: 8 · 40 = 320 pixels are left.
        let much = try Self.paste(1, picture, from: Self.stamp(18, 5, 60))
        #expect(much.objects[0].box == Box(x1: 10, y1: 10, x2: 18, y2: 50))
        // 7 · 40 = 280 are too few.
        #expect(try Self.paste(1, picture, from: Self.stamp(17, 5, 60)).objects.map(\.category) == [77])
        // A small object that is covered wholly is gone, however little its box could move.
        let small = try Self.picture(100, 80, [(30, 30, 4)])
        #expect(try Self.paste(1, small, from: Self.stamp(20, 20, 40)).objects.map(\.category) == [77])
        // One that keeps a part moves by at most 10 pixels.
        #expect(try Self.paste(1, small, from: Self.stamp(32, 20, 40)).objects.map(\.category) == [0, 77])
    }

    @Test func everyNumberOfObjectsIsDrawn() throws {
        let picture = try Self.picture(100, 80, [])
        let other = try Self.picture(100, 80, [(0, 0, 5), (10, 0, 5), (20, 0, 5)])
        var counts = [Int](repeating: 0, count: 4)
        var each = [Int](repeating: 0, count: 3)
        var generator = SeededGenerator(seed: 4)
        var limited = CopyPaste()
        for _ in 0..<400 {
            let result = try limited(picture, from: other, &generator)
            counts[result.objects.count] += 1
            for object in result.objects { each[object.category] += 1 }
        }
        // 100 each, deviation 9; every object in half of them.
        #expect(counts.allSatisfy { abs($0 - 100) < 45 })
        #expect(each.allSatisfy { abs($0 - 200) < 60 })
        limited.most = 1
        for _ in 0..<50 { #expect(try limited(picture, from: other, &generator).objects.count <= 1) }
    }

    @Test func pastingNeedsMasksAndOneSize() throws {
        let picture = try Self.picture(100, 80, [(10, 10, 40)])
        var bare = try Self.picture(100, 80, [(0, 0, 5), (10, 0, 5)])
        for index in bare.objects.indices { bare.objects[index].mask = nil }
        let error = #expect(throws: LTError.self) {
            for seed in 0..<20 {
                var generator = SeededGenerator(seed: UInt64(seed))
                _ = try CopyPaste()(picture, from: bare, &generator)
            }
        }
        #expect(error?.message.contains("without mask") == true)
        var generator = SeededGenerator(seed: 1)
        #expect(throws: LTError.self) {
            try CopyPaste()(picture, from: Self.picture(90, 80, [(0, 0, 5)]), &generator)
        }
    }

    @Test func theShorterSideIsOneOfThose() throws {
        let augmentation = DetectionAugmentation.multiScale
        let picture = try Self.picture(64, 48, [(2, 4, 10)])
        var (seen, mirrored): (Set<Int>, Int) = ([], 0)
        for seed in 0..<60 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let result = try augmentation.apply(picture, &generator)
            seen.insert(result.image.height)
            #expect(result.image.width == (result.image.height * 64 + 24) / 48)
            if result.objects[0].box.x1 > Float(result.image.width) / 2 { mirrored += 1 }
        }
        #expect(seen == [640, 672, 704, 736, 768, 800])
        #expect((15...45).contains(mirrored))
        #expect(DetectionAugmentation.size(width: 2000, height: 500, shortest: 800, longest: 1333) == (1333, 333))
        #expect(DetectionAugmentation.size(width: 500, height: 333, shortest: 800, longest: 1333) == (1201, 800))
    }

    @Test func jitterCropsAndFillsTheCanvas() throws {
        var augmentation = DetectionAugmentation.copyPaste
        augmentation.scale = .jitter(side: 64, factors: 0.5...2)
        augmentation.crop = Preprocess.Size(height: 64, width: 64)
        augmentation.canvas = augmentation.crop
        let picture = try Self.picture(40, 30, [(2, 4, 10), (20, 10, 18)])
        var counts: Set<Int> = []
        for seed in 0..<30 {
            var (one, two) = (SeededGenerator(seed: UInt64(seed)), SeededGenerator(seed: UInt64(seed)))
            let result = try augmentation.apply(picture, &one)
            #expect(result.image.width == 64 && result.image.height == 64)
            #expect(result.objects.allSatisfy { $0.box.clipped(width: 64, height: 64) == $0.box && $0.box.area > 0 })
            counts.insert(result.objects.count)
            let again = try augmentation.apply(picture, &two)
            #expect(again.objects == result.objects && Array(again.image.bytes) == Array(result.image.bytes))
        }
        // Enlarged pictures lose objects.
        #expect(counts.count > 1)
    }

    @Test func recipesNameTheParts() throws {
        func read(_ yaml: String) throws -> DetectionAugmentation {
            try DetectionAugmentation(RecipeSection(yaml: yaml))
        }
        #expect(try read("{shortest: {sides: [640, 672, 704, 736, 768, 800]}, flip: 0.5}") == .multiScale)
        #expect(
            try read(
                "{jitter: {side: 1280, factors: [0.8, 1.25]}, crop: [1280, 1280], flip: 0.5, canvas: [1280, 1280], copy_paste: {}}"
            ) == .copyPaste)
        #expect(try read("{}") == DetectionAugmentation())
        for wrong in [
            "{shortest: {sides: []}}", "{shortest: {}}", "{jitter: {side: 5, factors: [2, 1]}}", "{crop: [5]}",
            "{copy_paste: {}}", "{shortest: {sides: [5]}, jitter: {side: 5, factors: [1, 1]}}", "{flop: 1}",
        ] {
            #expect(throws: LTError.self) { try read(wrong) }
        }
    }

    @Test func aSetsPicturesArePastedIntoEachOther() throws {
        let side = Double(DetectionSetTests.side)
        let set = try DetectionSet(
            DetectionSetTests.dataset(
                (1...4).map {
                    DetectionSetTests.annotation(
                        $0, image: $0, category: 5, [1, 1, side / 2, side / 2],
                        segmentation: "[[1,1,\(side / 2 + 1),1,\(side / 2 + 1),\(side / 2 + 1),1,\(side / 2 + 1)]]")
                }.joined(separator: ",")), needsMasks: true)
        var augmentation = DetectionAugmentation()
        augmentation.canvas = Preprocess.Size(height: DetectionSetTests.side, width: DetectionSetTests.side)
        var generator = SeededGenerator(seed: 3)
        #expect(try augmentation.picture(0, of: set, masks: false, &generator).masks == [nil])
        augmentation.paste = CopyPaste()
        var counts: Set<Int> = []
        for _ in 0..<20 { counts.insert(try augmentation.picture(0, of: set, masks: false, &generator).objects.count) }
        // Its own object, or, where that is covered, the pasted one.
        #expect(counts == [1])
    }
}

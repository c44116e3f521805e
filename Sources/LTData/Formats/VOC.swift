// PASCAL VOC (Everingham et al.): JPEGImages, Annotations (one XML file per image), ImageSets/Main (lists of image names).
// http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html
// Labels: the names of all objects, difficult ones too. Boxes are written with 1-based, inclusive corners.

import Foundation
import LTCore

/// What a data set of VOC's form consists of.
public enum VOC {
    /// The classes of VOC 2007 to 2012, in their order.
    public static let classes = [
        "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
        "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
    ]
}

extension Dataset {
    /// Reads one image set of a VOC folder.
    /// - Parameters:
    ///   - root: the folder with JPEGImages, Annotations and ImageSets, as VOCdevkit/VOC2012.
    ///   - set: a list in ImageSets/Main: train, val, trainval, test. Of lists of one class all images count.
    ///   - classes: in order of their labels.
    /// - Throws: `io`; `malformed` and `notFound` naming the annotation file. Difficult objects become annotations with
    ///   `ignore`, and labels all the same.
    public static func voc(_ root: String, set: String, classes: [String] = VOC.classes) throws(LTError) -> Dataset {
        guard isFolder("\(root)/Annotations") else {
            throw LTError(
                .io, "no folder \(root)/Annotations", hint: "name the folder of one year, as VOCdevkit/VOC2012")
        }
        let list = try LineFile("\(root)/ImageSets/Main/\(set).txt")
        let names = list.lines.map { String($0.fields[0]) }
        var dataset = try voc(root, images: names, classes: classes, split: set)
        dataset.source = list.path
        return dataset
    }

    /// Reads the annotations of images that a list names.
    static func voc(_ root: String, images names: [String], classes: [String], split: String) throws(LTError) -> Dataset
    {
        let labels = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var dataset = Dataset(
            source: root, imageFolder: root, categories: classes.enumerated().map { Category(id: $0, name: $1) },
            images: [])
        dataset.images.reserveCapacity(names.count)
        var hash = SHA256()
        var seen: Set<String> = []
        for name in names {
            guard seen.insert(name).inserted else {
                throw LTError(.invalidArgument, "the list names image \(name) twice", context: ["data set \(root)"])
            }
            guard !name.contains("/") else { throw LTError(.malformed, "image name '\(name)' of the list has a '/'") }
            let path = "\(root)/Annotations/\(name).xml"
            let buffer = try readFile(path, limit: 1 << 24)
            hash.update(buffer.bytes)
            let annotation = try within("annotation file \(path)") { () throws(LTError) in
                try withExtendedLifetime(buffer) { () throws(LTError) in try VOCAnnotation(buffer.bytes) }
            }
            let index = dataset.images.count
            var image = Image(
                id: index, path: "JPEGImages/\(name).jpg", width: annotation.width, height: annotation.height,
                split: split,
                labels: [])
            for object in annotation.objects {
                guard let label = labels[object.name] else {
                    throw LTError(
                        .notFound, "object of class '\(object.name)', expected one of \(listed(classes))",
                        context: ["annotation file \(path)"])
                }
                image.labels.append(label)
                dataset.annotations.append(
                    Annotation(
                        id: dataset.annotations.count, image: index, category: label, box: object.box,
                        area: object.box.width * object.box.height, segmentation: .none, isCrowd: false,
                        ignore: object.isDifficult))
            }
            image.labels = Set(image.labels).sorted()
            dataset.images.append(image)
        }
        dataset.digest = hash.digest
        return dataset
    }
}

/// The content of one annotation file.
struct VOCAnnotation {
    struct Object {
        var name: String
        var box: Dataset.Box
        var isDifficult: Bool
    }
    var width: Int?
    var height: Int?
    var objects: [Object] = []

    init(_ bytes: UnsafeRawBufferPointer) throws(LTError) {
        var reader = XMLReader(bytes)
        try reader.document(root: "annotation") { reader, name throws(LTError) in
            switch name {
            case "size":
                try reader.children { reader, name throws(LTError) in
                    switch name {
                    case "width": width = try Self.side(&reader)
                    case "height": height = try Self.side(&reader)
                    default: try reader.skip()
                    }
                }
            case "object": objects.append(try Self.object(&reader))
            default: try reader.skip()
            }
        }
    }

    /// Pixels; files without sizes say 0.
    private static func side(_ reader: inout XMLReader) throws(LTError) -> Int? {
        let value = try reader.number()
        guard let side = Int(exactly: value), (0...1 << 24).contains(side) else {
            throw reader.malformed("image size \(value)")
        }
        return side == 0 ? nil : side
    }

    private static func object(_ reader: inout XMLReader) throws(LTError) -> Object {
        var name: String?
        var corners: [String: Double] = [:]
        var isDifficult = false
        try reader.children { reader, child throws(LTError) in
            switch child {
            case "name": name = try reader.text()
            case "difficult": isDifficult = try reader.number() != 0
            case "bndbox":
                try reader.children { reader, corner throws(LTError) in corners[corner] = try reader.number() }
            // Parts have names and boxes of their own.
            default: try reader.skip()
            }
        }
        guard let name, !name.isEmpty else { throw reader.malformed("object without a name") }
        guard let left = corners["xmin"], let top = corners["ymin"], let right = corners["xmax"],
            let bottom = corners["ymax"], left <= right, top <= bottom
        else { throw reader.malformed("object '\(name)' without a box of xmin ≤ xmax, ymin ≤ ymax") }
        return Object(
            name: name, box: Dataset.Box(x: left - 1, y: top - 1, width: right - left + 1, height: bottom - top + 1),
            isDifficult: isDifficult)
    }
}

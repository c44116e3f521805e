// ImageList: the images of a run, in an order that depends on nothing but their names: arguments as given, folders walked
// sorted by the bytes of their entries' names. Shards are taken by position, so that they do not depend on each other.

import Foundation
import LTCore

/// What a run is given: paths, a list of paths, and which part of them to take.
public struct ImageSources: Sendable {
    /// Files and folders; a file is taken whatever its name.
    public var paths: [String]
    /// A file with one path per line ("-": standard input); relative paths are relative to the working folder.
    public var list: String?
    /// Take folders of frames instead of images: every folder that directly holds images is one item.
    public var areClips = false
    /// Take image number p when p mod count == index - 1; index counts from 1.
    public var shard: (index: Int, count: Int)?

    public init(paths: [String], list: String? = nil, shard: (index: Int, count: Int)? = nil) {
        self.paths = paths
        self.list = list
        self.shard = shard
    }
}

/// Paths in memory, packed: 1 million of 60 bytes take 68 MB.
public struct ImageList: Sendable {
    private let areClips: Bool
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// Files in folders that were passed over because their names are not of images, and the first of them.
    public private(set) var passedOver = 0
    public private(set) var firstPassedOver: String?

    public var count: Int { ends.count }

    /// The path of image number `index`.
    public subscript(index: Int) -> String {
        String(decoding: bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]], as: UTF8.self)
    }

    /// What a folder's files must end in to be taken. Formats that cannot be decoded (yet) are here too: a picture that
    /// is passed over without a word would be a lost one, so these become rows with an error.
    static let suffixes: Set<String> = [
        "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jxl", "jp2",
    ]

    /// Collects the images.
    /// - Throws: `io` for a path that is not there or a folder or list that cannot be read, `invalidArgument` for a bad shard,
    ///   `notFound` when there is no image at all.
    public init(_ sources: ImageSources) throws(LTError) {
        areClips = sources.areClips
        for path in sources.paths { try add(path) }
        if let list = sources.list { try addLines(of: list) }
        guard count > 0 else {
            let passed =
                firstPassedOver.map { " (\(passedOver) files are not images by name, the first is \($0))" } ?? ""
            throw LTError(
                .notFound,
                "no \(areClips ? "folder of frames" : "image") in \(sources.paths.joined(separator: ", "))\(passed)")
        }
        if let shard = sources.shard {
            guard shard.count >= 1, (1...shard.count).contains(shard.index) else {
                throw LTError(.invalidArgument, "shard \(shard.index)/\(shard.count), expected 1/n … n/n")
            }
            keep { $0 % shard.count == shard.index - 1 }
        }
    }

    private mutating func append(_ path: String) {
        bytes.append(contentsOf: path.utf8)
        ends.append(bytes.count)
    }

    private mutating func keep(_ isKept: (Int) -> Bool) {
        var kept = ImageList(areClips: areClips)
        for index in 0..<count where isKept(index) { kept.append(self[index]) }
        (bytes, ends) = (kept.bytes, kept.ends)
    }

    private init(areClips: Bool) { self.areClips = areClips }

    private mutating func add(_ path: String) throws(LTError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw systemError("cannot read \(path)")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            try walk(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path, depth: 0)
        } else {
            append(path)
        }
    }

    /// Lines of the list; one that is not there becomes a row with an error, as a file that vanishes during the run does.
    private mutating func addLines(of list: String) throws(LTError) {
        let content: Buffer = try within("list of images") { () throws(LTError) in
            try readFile(list == "-" ? "/dev/stdin" : list)
        }
        for line in content.bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") }) {
            var line = String(decoding: line, as: UTF8.self)
            if line.utf8.last == UInt8(ascii: "\r") { line = String(line.unicodeScalars.dropLast()) }
            if !line.isEmpty { append(line) }
        }
    }

    static func isImage(_ name: String) -> Bool {
        suffixes.contains(name.split(separator: ".").last.map { $0.lowercased() } ?? "")
    }

    /// The names in a folder that are not hidden, in no order.
    static func names(in folder: String) throws(LTError) -> [String] {
        guard let stream = opendir(folder) else { throw systemError("cannot read folder \(folder)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// Folders may be links, but not endlessly deep ones.
    private mutating func walk(_ folder: String, depth: Int) throws(LTError) {
        guard depth < 64 else { throw LTError(.io, "folders deeper than 64 below each other: \(folder)") }
        let names = try Self.names(in: folder).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        if areClips, names.contains(where: Self.isImage) { append(folder) }
        for name in names {
            let path = "\(folder)/\(name)"
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                try walk(path, depth: depth + 1)
            } else if Self.isImage(name) {
                if !areClips { append(path) }
            } else {
                passedOver += 1
                firstPassedOver = firstPassedOver ?? path
            }
        }
    }
}

// Reading a store image by image, in the order of the run's input; memory stays constant.

import Foundation
import GRDB
import LTCore
import LTDecision

extension PredictionStore {
    /// Whether the run got through all its images; false after a kill or Ctrl-C, until the same run is started again.
    public func isFinished() throws(LTError) -> Bool {
        try access { db in try Bool.fetchOne(db, sql: "SELECT finished FROM run") ?? false }
    }

    public func counts() throws(LTError) -> Counts {
        try access { db in
            let failed = try Int.fetchOne(db, sql: "SELECT count(*) FROM image WHERE status = 'failed'") ?? 0
            let all = try Int.fetchOne(db, sql: "SELECT count(*) FROM image") ?? 0
            return Counts(scored: all - failed, failed: failed)
        }
    }

    /// Calls `body` with every image, in input order.
    /// - Throws: what `body` throws; `malformed` for a row whose scores are not the run's number, or whose detections are
    ///   no detections.
    public func forEach(_ body: (StoredImage) throws(LTError) -> Void) throws(LTError) {
        try access { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT path, size, modified, digest, width, height, status, error, scores, id
                    FROM image LEFT JOIN score ON score.image = image.id ORDER BY id
                    """)
            while let row = try rows.next() { try body(try Self.image(db, row, run)) }
        }
    }

    /// Calls `body` with every image's path, in input order.
    public func forEachPath(_ body: (String) throws(LTError) -> Void) throws(LTError) {
        try access { db in
            let rows = try Row.fetchCursor(db, sql: "SELECT path FROM image ORDER BY id")
            while let row = try rows.next() { try body(try Self.required(row, 0, "image.path")) }
        }
    }

    private static func image(_ db: Database, _ row: Row, _ run: RunInfo) throws -> StoredImage {
        let columns = run.columns
        let path: String = try required(row, 0, "image.path")
        let outcome: StoredImage.Outcome
        if try required(row, 6, "image.status") == "ok", run.holdsDetections {
            outcome = .detections(
                try within("image \(path)") { () throws(LTError) in
                    do { return try detections(db, row, run) } catch { throw describe(error) }
                })
        } else if try required(row, 6, "image.status") == "ok" {
            let blob: Data = try required(row, 8, "score.scores of image \(path)")
            guard blob.count == columns * MemoryLayout<Float>.size else {
                throw LTError(
                    .malformed, "\(blob.count) bytes of scores, expected \(columns * 4)", context: ["image \(path)"])
            }
            let scores = blob.withUnsafeBytes { bytes in
                (0..<columns).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            outcome = .scores(scores)
        } else {
            outcome = .failed(value(row, 7) ?? "unknown error")
        }
        var stamp: FileStamp?
        if let size: Int64 = value(row, 1), let modified: Int64 = value(row, 2) {
            stamp = FileStamp(size: size, modified: modified)
        }
        return StoredImage(
            path: path, stamp: stamp, digest: value(row, 3), width: value(row, 4), height: value(row, 5),
            outcome: outcome)
    }

    private static func detections(_ db: Database, _ image: Row, _ run: RunInfo) throws -> [Detection] {
        let id: Int64 = try required(image, 9, "image.id")
        let statement = try db.cachedStatement(
            sql: "SELECT category, score, x1, y1, x2, y2, counts FROM detection WHERE image = ? ORDER BY rank")
        var detections: [Detection] = []
        let rows = try Row.fetchCursor(statement, arguments: [id])
        while let row = try rows.next() {
            let numbers = try (1...5).map { Float(try required(row, $0, "detection.x") as Double) }
            let category: Int = try required(row, 0, "detection.category")
            guard category >= 0, run.columns == 0 || category < run.columns else {
                throw LTError(.malformed, "detection of category \(category), expected 0 ..< \(run.columns)")
            }
            var mask: RunLengthMask?
            if let counts: String = value(row, 6) {
                mask = try RunLengthMask(
                    width: try required(image, 4, "image.width"), height: try required(image, 5, "image.height"),
                    compressed: counts)
            }
            detections.append(
                Detection(
                    category: category, score: numbers[0],
                    box: Box(x1: numbers[1], y1: numbers[2], x2: numbers[3], y2: numbers[4]), mask: mask))
        }
        return detections
    }

    /// A column's value; `nil` for NULL and for what is no such value (GRDB's own subscripts trap on it).
    static func value<Value: DatabaseValueConvertible>(_ row: Row, _ column: Int) -> Value? {
        Value.fromDatabaseValue(row[column])
    }

    static func required<Value: DatabaseValueConvertible>(_ row: Row, _ column: Int, _ name: String) throws -> Value {
        guard let value: Value = value(row, column) else {
            throw LTError(.malformed, "\(name) is not of its type")
        }
        return value
    }
}

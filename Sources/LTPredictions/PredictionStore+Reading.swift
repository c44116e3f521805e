// Reading a store image by image, in the order of the run's input; memory stays constant.

import Foundation
import GRDB
import LTCore

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
    /// - Throws: what `body` throws; `malformed` for a row whose scores are not the run's number.
    public func forEach(_ body: (StoredImage) throws(LTError) -> Void) throws(LTError) {
        try access { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT path, size, modified, digest, width, height, status, error, scores
                    FROM image LEFT JOIN score ON score.image = image.id ORDER BY id
                    """)
            while let row = try rows.next() { try body(try Self.image(row, columns: run.columns)) }
        }
    }

    private static func image(_ row: Row, columns: Int) throws -> StoredImage {
        let path: String = try required(row, 0, "image.path")
        let outcome: StoredImage.Outcome
        if try required(row, 6, "image.status") == "ok" {
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

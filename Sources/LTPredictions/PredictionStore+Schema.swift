// The SQLite side of PredictionStore: schema, connection, what SQLite's errors mean. `application_id` is "LTPS",
// `user_version` the schema's version (2 added `detection`). `score.scores` is little-endian float32, the model's raw
// outputs; `detection.counts` COCO's compressed run lengths of a mask of the image's size.

import Foundation
import GRDB
import LTCore
import LTDecision
import LTGraph

extension PredictionStore {
    static let applicationID: Int32 = 0x4C54_5053
    static let schemaVersion = 2

    private static let schema = """
        CREATE TABLE run (
            model TEXT NOT NULL, model_digest TEXT NOT NULL, settings_digest TEXT NOT NULL,
            columns INTEGER NOT NULL, finished INTEGER NOT NULL);
        CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE version (name TEXT PRIMARY KEY, version TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE VIEW class AS
            SELECT key AS position, json_extract(value, '$.id') AS id, json_extract(value, '$.name') AS name
            FROM json_each((SELECT value FROM metadata WHERE key = 'lt.labels'));
        CREATE TABLE image (
            id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER, modified INTEGER, digest TEXT,
            width INTEGER, height INTEGER, status TEXT NOT NULL CHECK (status IN ('ok', 'failed')), error TEXT);
        CREATE TABLE score (image INTEGER PRIMARY KEY REFERENCES image (id), scores BLOB NOT NULL);

        """ + detections
    /// `rank` counts from 0, best first; `category` is a position in the classes.
    private static let detections = """
        CREATE TABLE detection (
            image INTEGER NOT NULL REFERENCES image (id), rank INTEGER NOT NULL, category INTEGER NOT NULL,
            score REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL, counts TEXT,
            PRIMARY KEY (image, rank)) WITHOUT ROWID;
        """

    static func connect(_ path: String, readonly: Bool) throws(LTError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = readonly
        configuration.label = "prediction store"
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { db in
            // One writer, alone: no shared memory file, and a second run is refused instead of interleaved.
            if !readonly { try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
            // In WAL mode this keeps the file sound through a power cut, which may cost the last transactions.
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            // KiB; a run only appends, so pages are seldom read again.
            try db.execute(sql: "PRAGMA cache_size = -512")
        }
        do {
            return try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw describe(error, path: path)
        }
    }

    static func isEmpty(_ db: Database) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
            && Int.fetchOne(db, sql: "PRAGMA application_id") == 0
    }

    static func create(_ db: Database, _ run: RunInfo) throws {
        try db.inTransaction(.exclusive) {
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            try db.execute(sql: "PRAGMA user_version = \(schemaVersion)")
            try db.execute(sql: schema)
            try db.execute(
                sql: "INSERT INTO run VALUES (?, ?, ?, ?, 0)",
                arguments: [run.model, run.modelDigest, run.settingsDigest, run.columns])
            for (key, value) in run.settings {
                try db.execute(sql: "INSERT INTO setting VALUES (?, ?)", arguments: [key, value])
            }
            for (name, version) in run.versions {
                try db.execute(sql: "INSERT INTO version VALUES (?, ?)", arguments: [name, version])
            }
            var graph = Graph()
            try run.layer.write(into: &graph)
            for (key, value) in graph.metadata {
                try db.execute(sql: "INSERT INTO metadata VALUES (?, ?)", arguments: [key, value])
            }
            return .commit
        }
    }

    /// Brings a store of an earlier version to this one's.
    static func upgrade(_ db: Database) throws {
        guard try Int.fetchOne(db, sql: "PRAGMA user_version") == 1 else { return }
        try db.inTransaction(.exclusive) {
            try db.execute(sql: detections)
            try db.execute(sql: "PRAGMA user_version = \(schemaVersion)")
            return .commit
        }
    }

    static func readRun(_ db: Database) throws -> RunInfo {
        guard try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID else {
            throw LTError(.malformed, "an SQLite file of another program, expected a prediction store")
        }
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard (1...schemaVersion).contains(version) else {
            throw LTError(.unsupported, "schema version \(version), this program knows 1 … \(schemaVersion)")
        }
        func pairs(_ table: String) throws -> [String: String] {
            var pairs: [String: String] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT * FROM \(table)") {
                pairs[try required(row, 0, "\(table) key")] = try required(row, 1, "\(table) value") as String
            }
            return pairs
        }
        guard let row = try Row.fetchOne(db, sql: "SELECT model, model_digest, settings_digest, columns FROM run")
        else {
            throw LTError(.malformed, "the store names no run")
        }
        var graph = Graph()
        for (key, value) in try pairs("metadata") { graph.metadata[key] = value }
        let run = RunInfo(
            model: try required(row, 0, "run.model"), modelDigest: try required(row, 1, "run.model_digest"),
            settings: try pairs("setting"), versions: try pairs("version"),
            columns: try required(row, 3, "run.columns"), layer: try DecisionLayer(reading: graph))
        guard run.settingsDigest == value(row, 2), (0...1 << 28).contains(run.columns) else {
            throw LTError(.malformed, "settings and columns of the store do not agree with its settings digest")
        }
        return run
    }

    static func upsert(_ db: Database, _ image: StoredImage, run: RunInfo) throws {
        var error: String?
        if case .failed(let reason) = image.outcome { error = reason }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO image (path, size, modified, digest, width, height, status, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified,
                    digest = excluded.digest, width = excluded.width, height = excluded.height,
                    status = excluded.status, error = excluded.error
                RETURNING id
                """)
        let id = try Int64.fetchOne(
            insert,
            arguments: [
                image.path, image.stamp?.size, image.stamp?.modified, image.digest, image.width, image.height,
                error == nil ? "ok" : "failed", error,
            ])
        try db.cachedStatement(sql: "DELETE FROM score WHERE image = ?").execute(arguments: [id])
        try db.cachedStatement(sql: "DELETE FROM detection WHERE image = ?").execute(arguments: [id])
        switch image.outcome {
        case .failed: break
        case .scores(let scores):
            guard !run.holdsDetections, scores.count == run.columns else {
                throw LTError(
                    .shapeMismatch,
                    "\(scores.count) scores, the run has \(run.holdsDetections ? "detections" : "\(run.columns)")",
                    context: [image.path])
            }
            let blob = scores.withUnsafeBytes { Data($0) }
            try db.cachedStatement(sql: "INSERT INTO score VALUES (?, ?)").execute(arguments: [id, blob])
        case .detections(let detections):
            guard run.holdsDetections else {
                throw LTError(.shapeMismatch, "detections, the run has \(run.columns) scores", context: [image.path])
            }
            let insert = try db.cachedStatement(sql: "INSERT INTO detection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
            for (rank, detection) in detections.enumerated() {
                let mask = detection.mask
                guard mask == nil || (mask?.width == image.width && mask?.height == image.height) else {
                    throw LTError(.shapeMismatch, "a mask that is not of the image's size", context: [image.path])
                }
                let box = [detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2]
                try insert.execute(
                    arguments: [id, rank, detection.category, detection.score] + StatementArguments(box)
                        + [mask?.compressed])
            }
        }
    }

    /// Runs `body` on the connection.
    func access<Result>(_ body: (Database) throws -> Result) throws(LTError) -> Result {
        try within("prediction store \(path)") { () throws(LTError) in try Self.access(queue, body) }
    }

    static func access<Result>(
        _ queue: DatabaseQueue, _ body: (Database) throws -> Result
    ) throws(LTError) -> Result {
        do { return try queue.writeWithoutTransaction(body) } catch { throw describe(error, path: queue.path) }
    }

    /// What an error of GRDB or SQLite means for the store.
    static func describe(_ error: any Error, path: String? = nil) -> LTError {
        if let error = error as? LTError { return error }
        guard let error = error as? DatabaseError else { return LTError(.library, "\(error)") }
        let words = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_NOTADB: return LTError(.malformed, "not a prediction store: \(words)")
        case .SQLITE_CORRUPT:
            return LTError(
                .malformed, "the store is damaged or cut short: \(words)",
                hint: "restore it from a copy, or --restart the run")
        case .SQLITE_FULL: return LTError(.io, "the disk is full")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return LTError(
                .conflict, "another process is writing the store", hint: "wait for it, or give another --out")
        case .SQLITE_READONLY: return LTError(.io, "cannot write: the file or its folder is read-only")
        case .SQLITE_CANTOPEN:
            let pending = path.map { FileManager.default.fileExists(atPath: $0 + "-wal") } ?? false
            return LTError(
                .io, pending ? "cannot open it together with its pending -wal file: \(words)" : "cannot open: \(words)")
        case .SQLITE_IOERR: return LTError(.io, "the disk failed or is full: \(words)")
        case .SQLITE_ERROR where words.hasPrefix("no such"):
            return LTError(.malformed, "the store lacks parts of its schema: \(words)")
        default: return LTError(.library, "SQLite: \(words)")
        }
    }
}

// PredictionStore: raw outputs per image in one SQLite file. A run writes it in WAL mode, one transaction per batch, so
// that a killed run loses at most one batch; `finish` leaves one plain file that can be copied. Schema: +Schema.swift.

import Foundation
import GRDB
import LTCore
import LTDecision

/// A prediction store, open for one run that writes it or for readers. Its methods may be called from any thread.
public final class PredictionStore: Sendable {
    public let path: String
    /// The run that filled the store.
    public let run: RunInfo
    let queue: DatabaseQueue

    /// Images with a prediction, and images that failed.
    public struct Counts: Sendable, Equatable {
        public var scored: Int
        public var failed: Int
        public var total: Int { scored + failed }
    }

    private init(path: String, run: RunInfo, queue: DatabaseQueue) {
        self.path = path
        self.run = run
        self.queue = queue
    }

    /// Opens the store that `run` writes: makes it, or goes on with one that the same model and settings began.
    /// - Parameter restart: discards what is there, if it is a prediction store.
    /// - Throws: `conflict` for a store of another model or settings (both digests named) and for one that another
    ///   process is writing, `malformed` for a file that is no store or is damaged, `unsupported` for a newer schema, `io`.
    public static func write(
        _ path: String, run: RunInfo, restart: Bool = false
    ) throws(LTError) -> PredictionStore {
        try within("prediction store \(path)") { () throws(LTError) in
            try checkPlace(path)
            if restart { try remove(path) }
            let queue = try connect(path, readonly: false)
            let fresh = try access(queue) { db in
                if try isEmpty(db) {
                    try create(db, run)
                    return true
                }
                return false
            }
            let stored = try access(queue) { db in try readRun(db) }
            if !fresh { try refuse(unless: stored, equals: run, queue) }
            try access(queue) { db in
                try upgrade(db)
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                try db.execute(sql: "UPDATE run SET finished = 0 WHERE finished")
            }
            return PredictionStore(path: path, run: stored, queue: queue)
        }
    }

    /// Opens a store to read. A run that was killed leaves a store that opens too (its last batches may lie in `-wal`).
    /// - Throws: `io` for a file that is not there or whose pending `-wal` cannot be read, `conflict` while a run is
    ///   writing it, `malformed`, `unsupported`.
    public static func read(_ path: String) throws(LTError) -> PredictionStore {
        try within("prediction store \(path)") { () throws(LTError) in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw LTError(.io, "no such file")
            }
            if isFolder.boolValue { throw LTError(.io, "a folder, expected a file") }
            let queue = try connect(path, readonly: true)
            let run = try access(queue) { db in
                if try isEmpty(db) { throw LTError(.malformed, "an empty file, expected a prediction store") }
                return try readRun(db)
            }
            return PredictionStore(path: path, run: run, queue: queue)
        }
    }

    /// Writes the images of one batch in one transaction: all of them or none. An image known by its path is replaced
    /// and keeps its place.
    /// - Throws: `io` when the disk is full or fails (the message says how many images are safe), `shapeMismatch` for a
    ///   number of scores that is not the run's, and for detections in a run of scores.
    public func write(_ images: [StoredImage]) throws(LTError) {
        try access { db in
            do {
                try db.inTransaction(.immediate) {
                    for image in images { try Self.upsert(db, image, run: self.run) }
                    return .commit
                }
            } catch let error as DatabaseError {
                var failure = Self.describe(error)
                let safe = (try? Int.fetchOne(db, sql: "SELECT count(*) FROM image")) ?? nil
                if let safe { failure.message += "; the \(safe) images written before are safe" }
                throw failure.hinting("make room and run the same command again: it goes on where it stopped")
            }
        }
    }

    /// Whether the store holds this image already, unchanged since (same size and time of change), and if so whether it
    /// has a prediction.
    public func hasPrediction(path: String, stamp: FileStamp) throws(LTError) -> Bool? {
        try access { db in
            let statement = try db.cachedStatement(
                sql: "SELECT status = 'ok' FROM image WHERE path = ? AND size = ? AND modified = ?")
            return try Bool.fetchOne(statement, arguments: [path, stamp.size, stamp.modified])
        }
    }

    /// Closes a store that a run wrote: everything goes into the one file, which leaves WAL mode.
    /// - Parameter complete: whether the run got through all its images; readers see it as `isFinished`.
    public func finish(complete: Bool) throws(LTError) {
        try access { db in
            if complete { try db.execute(sql: "UPDATE run SET finished = 1") }
            try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
        }
        do { try queue.close() } catch { throw Self.describe(error).inside("prediction store \(path)") }
    }

    /// Removes a store and SQLite's files beside it.
    /// - Throws: `conflict` for a file that is no prediction store, which stays.
    private static func remove(_ path: String) throws(LTError) {
        guard let file = FileHandle(forReadingAtPath: path) else { return }
        let head = (try? file.read(upToCount: 100)) ?? Data()
        try? file.close()
        let id = head.count == 100 ? head[68..<72].reduce(0) { $0 << 8 | Int32($1) } : 0
        guard head.isEmpty || (head.starts(with: Data("SQLite format 3\0".utf8)) && id == applicationID) else {
            throw LTError(
                .conflict, "not a prediction store, so --restart does not remove it", hint: "choose another --out")
        }
        for suffix in ["-wal", "-shm", "-journal", ""] where FileManager.default.fileExists(atPath: path + suffix) {
            do { try FileManager.default.removeItem(atPath: path + suffix) } catch {
                throw LTError(.io, "cannot remove \(path + suffix): \(error.localizedDescription)")
            }
        }
    }

    private static func refuse(unless stored: RunInfo, equals run: RunInfo, _ queue: DatabaseQueue) throws(LTError) {
        var message: String?
        if stored.modelDigest != run.modelDigest {
            message =
                "the store holds predictions of model sha256:\(stored.modelDigest) (\(stored.model)), "
                + "this run's model is sha256:\(run.modelDigest) (\(run.model))"
        } else if stored.settingsDigest != run.settingsDigest || stored.columns != run.columns {
            let keys = Set(stored.settings.keys).union(run.settings.keys).sorted()
            let differing = keys.filter { stored.settings[$0] != run.settings[$0] }
            let details = differing.map {
                "\($0): \(stored.settings[$0] ?? "not set") there, \(run.settings[$0] ?? "not set") here"
            }
            message =
                "the store was written with settings sha256:\(stored.settingsDigest), "
                + "this run's are sha256:\(run.settingsDigest) (\(details.joined(separator: "; ")))"
        }
        guard let message else { return }
        throw LTError(.conflict, message, hint: "give another --out, or --restart to discard what the store holds")
    }

    /// Says what SQLite would only call "unable to open database file".
    private static func checkPlace(_ path: String) throws(LTError) {
        let files = FileManager.default
        var isFolder: ObjCBool = false
        if files.fileExists(atPath: path, isDirectory: &isFolder) {
            if isFolder.boolValue { throw LTError(.io, "a folder, expected a file to write") }
            return
        }
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard files.fileExists(atPath: parent, isDirectory: &isFolder), isFolder.boolValue else {
            throw LTError(.io, "there is no folder \(parent) to write in")
        }
    }
}

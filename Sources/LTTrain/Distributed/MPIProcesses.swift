// MPIProcesses: the processes that mpirun (or srun) started.

import CMPI
import Foundation
import LTCore

/// All processes of this MPI run. One thread at a time calls it.
public struct MPIProcesses: ProcessGroup {
    public let rank: Int
    public let size: Int
    public let localRank: Int
    public let localSize: Int

    /// Whether this process is one of several.
    public static var isLaunched: Bool { lt_mpi_is_launched() != 0 }

    /// The processes that were started together with this one, or this one alone.
    /// - Throws: `library` with MPI's message.
    public static func launched() throws(LTError) -> any ProcessGroup {
        isLaunched ? try MPIProcesses() : SingleProcess()
    }

    /// Joins the others.
    private init() throws(LTError) {
        var rank: Int32 = 0
        var size: Int32 = 1
        try MPIProcesses.check(lt_mpi_start(&rank, &size))
        self.rank = Int(rank)
        self.size = Int(size)
        let environment = ProcessInfo.processInfo.environment
        func first(_ names: [String]) -> Int? { names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first }
        localRank = max(0, first(["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"]) ?? 0)
        localSize = max(1, first(["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"]) ?? self.size)
    }

    private static func check(_ status: Int32) throws(LTError) {
        guard status == 0 else { throw LTError(.library, String(cString: lt_mpi_last_error())).inside("MPI") }
    }

    public func sum(_ memory: UnsafeMutableRawBufferPointer, _ type: ElementType) throws(LTError) {
        let (kind, width): (Int, Int)
        switch type {
        case .float64: (kind, width) = (LT_MPI_FLOAT64, 8)
        case .float32: (kind, width) = (LT_MPI_FLOAT32, 4)
        case .int64: (kind, width) = (LT_MPI_INT64, 8)
        default:
            throw LTError(.unsupported, "a sum over processes of \(type.onnxName), expected float, double or int64")
        }
        try MPIProcesses.check(lt_mpi_sum(memory.baseAddress, Int64(memory.count / width), Int32(kind)))
    }

    /// Waits for the others at the end of a run, without keeping a core busy.
    public func finish() throws(LTError) {
        try MPIProcesses.check(lt_mpi_wait_asleep())
        try MPIProcesses.check(lt_mpi_finish())
    }

    /// Says why and ends every process of the run: one that cannot go on must not leave the others waiting.
    public func fail(_ error: LTError) -> Never {
        // Where all fail for the same reason, the first process's account is enough.
        signal(SIGTERM, SIG_DFL)
        if rank != 0 { Thread.sleep(forTimeInterval: 1) }
        report(error)
        lt_mpi_abort(1)
        exit(1)
    }

    /// Prints an error, with the process's number except for the first's.
    func report(_ error: LTError) {
        let error = rank == 0 ? error : error.inside("process \(rank) of \(size)")
        FileHandle.standardError.write(Data("lt-train: \(error)\n".utf8))
    }
}

// CMPI: the few operations that processes training one model together need, over MPI. A call returns 0, or non-zero and
// lt_mpi_last_error() says why, in MPI's words. Nothing here touches MPI before lt_mpi_start.
#ifndef LT_CMPI_H
#define LT_CMPI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_MPI_FLOAT64 = 0, LT_MPI_FLOAT32 = 1, LT_MPI_INT64 = 2 };

// Whether mpirun, mpiexec or srun started this process as one of several.
int32_t lt_mpi_is_launched(void);
// Joins the other processes. `rank` and `size` are theirs afterwards.
int32_t lt_mpi_start(int32_t *rank, int32_t *size);
// Leaves; waits for the others to leave too.
int32_t lt_mpi_finish(void);
// Ends every process of the run at once, this one too.
void lt_mpi_abort(int32_t status);

// Adds up `count` elements over all processes, in place. Terms are added in the order of the ranks, so the result has the
// same bits in every process and in every run, whatever algorithms the library picks.
int32_t lt_mpi_sum(void *data, int64_t count, int32_t type);
// Waits until every process is here, asleep: for minutes, not for steps.
int32_t lt_mpi_wait_asleep(void);
// Copies bytes of process `root` to all.
int32_t lt_mpi_broadcast(void *data, int64_t byte_count, int32_t root);

// The library's name and version.
const char *lt_mpi_version(void);
const char *lt_mpi_last_error(void);

#ifdef __cplusplus
}
#endif
#endif

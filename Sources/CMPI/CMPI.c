#define _GNU_SOURCE
#include "CMPI.h"

#include <mpi/mpi.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static _Thread_local char last_error[MPI_MAX_ERROR_STRING + 1];
static int own_rank = 0, group_size = 1;
// Terms of a sum that arrived from the other processes; kept between calls.
static void *terms = NULL;
static size_t terms_bytes = 0;

static int32_t check(int code) {
    if (code == MPI_SUCCESS) return 0;
    int length = 0;
    if (MPI_Error_string(code, last_error, &length) != MPI_SUCCESS)
        snprintf(last_error, sizeof last_error, "MPI error %d", code);
    return 1;
}

static int32_t fail(const char *message) {
    snprintf(last_error, sizeof last_error, "%s", message);
    return 1;
}

const char *lt_mpi_last_error(void) { return last_error; }

int32_t lt_mpi_is_launched(void) {
    // Open MPI's mpirun; MPICH's mpiexec and srun --mpi=pmi2; srun --mpi=pmix.
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *text = getenv(sizes[i]);
        if (text && atoi(text) > 1) return 1;
    }
    const char *tasks = getenv("SLURM_NTASKS");
    return getenv("PMIX_RANK") && tasks && atoi(tasks) > 1;
}

// Open MPI reads other processes' memory directly; containers may forbid that, which it finds out only when it fails.
static void avoid_forbidden_reads(void) {
    char from = 1, to = 0;
    const struct iovec local = {&to, 1}, remote = {&from, 1};
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1)
        setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
}

int32_t lt_mpi_start(int32_t *rank, int32_t *size) {
    int started = 0, provided = 0;
    if (check(MPI_Initialized(&started))) return 1;
    if (!started) {
        avoid_forbidden_reads();
        // One thread at a time calls, but not always the main one.
        if (check(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided))) return 1;
        if (provided < MPI_THREAD_SERIALIZED) return fail("this MPI lacks MPI_THREAD_SERIALIZED");
        if (check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN))) return 1;
    }
    if (check(MPI_Comm_rank(MPI_COMM_WORLD, &own_rank)) || check(MPI_Comm_size(MPI_COMM_WORLD, &group_size))) return 1;
    *rank = own_rank;
    *size = group_size;
    return 0;
}

int32_t lt_mpi_finish(void) {
    int started = 0, finished = 0;
    if (check(MPI_Initialized(&started)) || check(MPI_Finalized(&finished))) return 1;
    free(terms);
    terms = NULL;
    terms_bytes = 0;
    return started && !finished ? check(MPI_Finalize()) : 0;
}

void lt_mpi_abort(int32_t status) {
    int started = 0, finished = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&finished);
    if (started && !finished) MPI_Abort(MPI_COMM_WORLD, status);
    _Exit(status);
}

// Adds the terms of all processes, `stride` elements apart, in the order of the ranks.
#define ADD_TERMS(T)                                                              \
    do {                                                                          \
        T *to = (T *)target;                                                      \
        const T *from = (const T *)source;                                        \
        for (int64_t i = 0; i < count; i++) to[i] = from[i];                      \
        for (int process = 1; process < group_size; process++) {                  \
            const T *term = from + (int64_t)process * stride;                     \
            for (int64_t i = 0; i < count; i++) to[i] += term[i];                 \
        }                                                                         \
    } while (0)

static void add_terms(void *target, const void *source, int64_t count, int64_t stride, int32_t type) {
    switch (type) {
        case LT_MPI_FLOAT64: ADD_TERMS(double); break;
        case LT_MPI_FLOAT32: ADD_TERMS(float); break;
        default: ADD_TERMS(int64_t);
    }
}

static int32_t reserve(size_t bytes) {
    if (bytes <= terms_bytes) return 0;
    void *grown = realloc(terms, bytes);
    if (!grown) return fail("no memory for a sum over processes");
    terms = grown;
    terms_bytes = bytes;
    return 0;
}

// Every process adds its share of a block and hands the result round: twice the block travels, however many processes.
static int32_t sum_block(char *data, int64_t count, int32_t type, MPI_Datatype element, size_t width) {
    const int64_t share = (count + group_size - 1) / group_size;
    int *counts = malloc(4 * (size_t)group_size * sizeof(int));
    if (!counts) return fail("no memory for a sum over processes");
    int *offsets = counts + group_size, *own_counts = offsets + group_size, *own_offsets = own_counts + group_size;
    for (int process = 0; process < group_size; process++) {
        const int64_t start = share * process < count ? share * process : count;
        const int64_t end = start + share < count ? start + share : count;
        offsets[process] = (int)start;
        counts[process] = (int)(end - start);
    }
    for (int process = 0; process < group_size; process++) {
        own_counts[process] = counts[own_rank];
        own_offsets[process] = counts[own_rank] * process;
    }
    int32_t status = reserve((size_t)share * (size_t)group_size * width);
    if (!status)
        status = check(MPI_Alltoallv(data, counts, offsets, element, terms, own_counts, own_offsets, element,
                                     MPI_COMM_WORLD));
    if (!status) {
        add_terms(data + (size_t)offsets[own_rank] * width, terms, counts[own_rank], counts[own_rank], type);
        status = check(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, counts, offsets, element,
                                      MPI_COMM_WORLD));
    }
    free(counts);
    return status;
}

int32_t lt_mpi_sum(void *data, int64_t count, int32_t type) {
    if (group_size == 1 || count == 0) return 0;
    const MPI_Datatype element = type == LT_MPI_FLOAT64 ? MPI_DOUBLE : type == LT_MPI_FLOAT32 ? MPI_FLOAT : MPI_INT64_T;
    const size_t width = type == LT_MPI_FLOAT32 ? 4 : 8;
    if (count <= 4096) {
        // Small ones: everybody gets all terms and adds them up.
        if (reserve((size_t)count * (size_t)group_size * width) ||
            check(MPI_Allgather(data, (int)count, element, terms, (int)count, element, MPI_COMM_WORLD)))
            return 1;
        add_terms(data, terms, count, count, type);
        return 0;
    }
    const int64_t block = 1 << 26;
    for (int64_t start = 0; start < count; start += block) {
        const int64_t length = count - start < block ? count - start : block;
        if (sum_block((char *)data + (size_t)start * width, length, type, element, width)) return 1;
    }
    return 0;
}

int32_t lt_mpi_wait_asleep(void) {
    if (group_size == 1) return 0;
    MPI_Request request;
    if (check(MPI_Ibarrier(MPI_COMM_WORLD, &request))) return 1;
    const struct timespec pause = {0, 2000000};
    for (int done = 0; !done;) {
        if (check(MPI_Test(&request, &done, MPI_STATUS_IGNORE))) return 1;
        if (!done) nanosleep(&pause, NULL);
    }
    return 0;
}

int32_t lt_mpi_broadcast(void *data, int64_t byte_count, int32_t root) {
    for (int64_t start = 0; start < byte_count; start += INT_MAX) {
        const int64_t length = byte_count - start < INT_MAX ? byte_count - start : INT_MAX;
        if (check(MPI_Bcast((char *)data + start, (int)length, MPI_BYTE, root, MPI_COMM_WORLD))) return 1;
    }
    return 0;
}

const char *lt_mpi_version(void) {
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "MPI";
    char *comma = strchr(text, ',');
    if (comma) *comma = 0;
    return text;
}

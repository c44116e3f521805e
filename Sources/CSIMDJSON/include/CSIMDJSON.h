// CSIMDJSON: arrays of JSON objects as columns, read block by block. simdjson parses; this is the C face of it.
// A caller cuts a file's array into blocks of whole objects (lt_json_scan), then has each block parsed into the columns it
// asked for (lt_json_table). Members nobody asked for are checked and passed over. Offsets are bytes within the block.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where a scan stands: in which nesting, inside a string or not, behind a backslash or not.
typedef struct {
    int64_t depth;
    uint64_t in_string;  // all bits set inside a string
    uint64_t escaped;  // 1 when the next byte is escaped
} lt_json_position;

// Moves over `count` bytes or to the bracket that closes depth 1 (depth is 0 then), which is passed over. Returns its offset;
// `count` when there is none.
size_t lt_json_scan(lt_json_position *position, const uint8_t *bytes, size_t count);

// Moves to the next ',' outside strings at `position->depth` 1, or to the ']' or '}' that closes depth 1 (depth is 0 then).
// Returns the offset of that byte, which is passed over; `count` when there is none.
size_t lt_json_scan_to_end_of_element(lt_json_position *position, const uint8_t *bytes, size_t count);

typedef enum {
    LT_JSON_INT,  // a whole number
    LT_JSON_NUMBER,
    LT_JSON_NUMBERS,  // an array of numbers
    LT_JSON_INTS,  // an array of whole numbers
    LT_JSON_TEXT,  // a string, as it stands between its quotes, escapes included
    LT_JSON_FLAG,  // a boolean, or a number that is 0 or not
    LT_JSON_MASK,  // [[x, y, …], …], {"size": [height, width], "counts": "…" or [n, …]} or null
} lt_json_kind;

typedef struct {
    const char *name;
    lt_json_kind kind;
} lt_json_field;

typedef enum {
    LT_JSON_OK,
    LT_JSON_SYNTAX,  // no JSON
    LT_JSON_KIND,  // a value of another kind than the field's
    LT_JSON_NOT_FINITE,  // NaN, Infinity or beyond double precision
    LT_JSON_NOT_OBJECT,  // an element that is no object
    LT_JSON_DEPTH,
    LT_JSON_MEMORY,
} lt_json_status;

typedef struct {
    lt_json_status status;
    size_t offset;
    int32_t field;  // -1: none
    char words[96];  // of the parser, or the value found
} lt_json_failure;

// What a mask is written as.
enum { LT_JSON_MASK_NONE, LT_JSON_MASK_POLYGONS, LT_JSON_MASK_TEXT, LT_JSON_MASK_RUNS };

// One field of all rows. Only the members of the field's kind are set.
typedef struct {
    const uint8_t *present;  // 1 where the object has the member and it is not null
    const int64_t *integers;  // INT, FLAG (0 or 1)
    const double *numbers;  // NUMBER
    // NUMBERS, INTS, TEXT and MASK: row r has starts[r] ..< ends[r] of the pool of its kind.
    const uint32_t *starts, *ends;
    const double *number_pool;  // NUMBERS; MASK as polygons, coordinates
    const int64_t *integer_pool;  // INTS
    const uint8_t *text_pool;  // TEXT; MASK as text
    // MASK
    const uint8_t *mask_kinds;
    const uint32_t *mask_sizes;  // height, width per row
    const uint32_t *run_pool;
    const uint32_t *part_starts, *part_ends;  // polygons: row r's parts in part_pool, each the end of a polygon in number_pool
    const uint32_t *part_pool;
} lt_json_column;

typedef struct lt_json_table lt_json_table;

// A parser with its columns, to be used for one block after the other. NULL when memory is short.
// `allows_nonfinite`: NaN, Infinity and -Infinity are numbers, as Python's json writes and reads them.
lt_json_table *lt_json_table_new(const lt_json_field *fields, size_t count, bool allows_nonfinite);
void lt_json_table_free(lt_json_table *table);

// Bytes that a block's buffer must have room for behind the block.
size_t lt_json_padding(void);

// Parses "[{…}, …]": bytes[0] is '[', bytes[count - 1] is ']'. Forgets the rows of the block before.
bool lt_json_table_parse(lt_json_table *table, const uint8_t *bytes, size_t count, lt_json_failure *failure);

size_t lt_json_table_rows(const lt_json_table *table);
// Where each row's object begins.
const uint32_t *lt_json_table_offsets(const lt_json_table *table);
lt_json_column lt_json_table_column(const lt_json_table *table, size_t field);

#ifdef __cplusplus
}
#endif

// The last step of preprocessing in one pass: crop, pad, normalise (a table of 256 values per channel, so that every
// processor gives the same bits) and lay out.

#include <string.h>

#include "lt_image.h"

static inline __attribute__((always_inline)) void lt_tensor_row(
    const uint8_t *source, size_t source_step, size_t count, float *target, size_t target_step, const float *table) {
    for (size_t x = 0; x < count; x++) target[x * target_step] = table[source[x * source_step]];
}

static void lt_tensor_fill(float *target, size_t step, size_t count, float value) {
    for (size_t x = 0; x < count; x++) target[x * step] = value;
}

void lt_image_to_tensor(const struct lt_tensor_job *job, float *target) {
    const size_t width = job->target_width, height = job->target_height, channels = job->channels;
    // The columns begin ..< end of the target come from the source.
    const ptrdiff_t right = job->left + (ptrdiff_t)job->source_width, bottom = job->top + (ptrdiff_t)job->source_height;
    size_t begin = job->left > 0 ? (size_t)job->left : 0;
    size_t end = right < 0 ? 0 : (size_t)right;
    if (end > width) end = width;
    if (begin > end) begin = end;
    const size_t step = job->planar ? 1 : channels, plane = job->plane ? job->plane : height * width;
    for (size_t y = 0; y < height; y++) {
        const int inside = (ptrdiff_t)y >= job->top && (ptrdiff_t)y < bottom && end > begin;
        const uint8_t *source = NULL;
        if (inside)
            source = job->source
                + ((size_t)((ptrdiff_t)y - job->top) * job->source_width + (size_t)((ptrdiff_t)begin - job->left))
                    * channels;
        for (size_t c = 0; c < channels; c++) {
            float *row = job->planar ? target + c * plane + y * width : target + y * width * channels + c;
            if (!inside) {
                lt_tensor_fill(row, step, width, job->fill[c]);
                continue;
            }
            lt_tensor_fill(row, step, begin, job->fill[c]);
            lt_tensor_fill(row + end * step, step, width - end, job->fill[c]);
            const uint8_t *from = source + job->order[c];
            float *to = row + begin * step;
            const float *table = job->table + 256 * c;
            if (channels == 3 && job->planar) lt_tensor_row(from, 3, end - begin, to, 1, table);
            else lt_tensor_row(from, channels, end - begin, to, step, table);
        }
    }
}

// OpenCV's INTER_AREA reducing 8-bit pixels (modules/imgproc/src/resize.cpp): each target pixel is the mean of the source
// area it covers; sums in 32-bit floats, columns first; whole-number factors sum integers.

#pragma STDC FP_CONTRACT OFF

#include <float.h>
#include <math.h>
#include <string.h>

#include "lt_image.h"
#include "lt_memory.h"

// One source position's share of a target position.
struct lt_share {
    size_t source;
    float weight;
};

// The shares of target position i are starts[i] ..< starts[i + 1].
struct lt_shares {
    size_t *starts;
    struct lt_share *shares;
};

static int lt_shares_make(struct lt_shares *all, size_t source, size_t target, double scale) {
    all->starts = lt_allocate((target + 1) * sizeof(size_t));
    all->shares = lt_allocate((source + 2 * target) * sizeof(struct lt_share));
    if (!all->starts || !all->shares) return -1;
    size_t count = 0;
    for (size_t i = 0; i < target; i++) {
        all->starts[i] = count;
        const double from = (double)i * scale, to = from + scale;
        const double width = scale < (double)source - from ? scale : (double)source - from;
        size_t last = (size_t)floor(to), first = (size_t)ceil(from);
        if (last > source - 1) last = source - 1;
        if (first > last) first = last;
        if ((double)first - from > 1e-3)
            all->shares[count++] = (struct lt_share){first - 1, (float)(((double)first - from) / width)};
        for (size_t s = first; s < last; s++) all->shares[count++] = (struct lt_share){s, (float)(1.0 / width)};
        if (to - (double)last > 1e-3) {
            double rest = to - (double)last;
            if (rest > 1.0) rest = 1.0;
            if (rest > width) rest = width;
            all->shares[count++] = (struct lt_share){last, (float)(rest / width)};
        }
    }
    all->starts[target] = count;
    return 0;
}

static uint8_t lt_round(float value) {
    const float rounded = rintf(value);
    return rounded < 0 ? 0 : rounded > 255 ? 255 : (uint8_t)rounded;
}

static void lt_area_whole(
    const uint8_t *source, size_t source_row, size_t channels, uint8_t *target, size_t width, size_t height, size_t across,
    size_t down) {
    const float scale = (float)(1.0 / (double)(across * down));
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < channels; c++) {
                const uint8_t *at = source + y * down * source_row + x * across * channels + c;
                uint64_t sum = 0;
                for (size_t dy = 0; dy < down; dy++)
                    for (size_t dx = 0; dx < across; dx++) sum += at[dy * source_row + dx * channels];
                *target++ = across == 2 && down == 2 ? (uint8_t)((sum + 2) >> 2) : lt_round((float)sum * scale);
            }
}

static void lt_area_row(const struct lt_shares *columns, size_t width, size_t channels, const uint8_t *source, float *row) {
    for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < channels; c++) {
            float sum = 0;
            for (size_t i = columns->starts[x]; i < columns->starts[x + 1]; i++)
                sum += (float)source[columns->shares[i].source * channels + c] * columns->shares[i].weight;
            row[x * channels + c] = sum;
        }
}

int lt_area_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    if (source_width < target_width || source_height < target_height)
        return lt_enlarge_area_cv2_u8(
            source, source_width, source_height, channels, target, target_width, target_height);
    const size_t source_row = source_width * channels, row = target_width * channels;
    const double across = 1.0 / ((double)target_width / (double)source_width);
    const double down = 1.0 / ((double)target_height / (double)source_height);
    if (fabs(across - rint(across)) < DBL_EPSILON && fabs(down - rint(down)) < DBL_EPSILON) {
        lt_area_whole(
            source, source_row, channels, target, target_width, target_height, (size_t)rint(across), (size_t)rint(down));
        return 0;
    }
    struct lt_shares columns = {0}, rows = {0};
    float *lines = lt_allocate(2 * row * sizeof(float));
    int status = lines ? 0 : -1;
    if (status == 0) status = lt_shares_make(&columns, source_width, target_width, across);
    if (status == 0) status = lt_shares_make(&rows, source_height, target_height, down);
    if (status == 0) {
        float *line = lines, *sums = lines + row;
        size_t held = SIZE_MAX;
        for (size_t y = 0; y < target_height; y++) {
            for (size_t i = rows.starts[y]; i < rows.starts[y + 1]; i++) {
                const struct lt_share share = rows.shares[i];
                // Neighbours share the row that both cover in part.
                if (held != share.source)
                    lt_area_row(&columns, target_width, channels, source + share.source * source_row, line);
                held = share.source;
                if (i == rows.starts[y])
                    for (size_t x = 0; x < row; x++) sums[x] = line[x] * share.weight;
                else
                    for (size_t x = 0; x < row; x++) sums[x] += line[x] * share.weight;
            }
            for (size_t x = 0; x < row; x++) target[y * row + x] = lt_round(sums[x]);
        }
    }
    lt_release(lines);
    lt_release(columns.starts);
    lt_release(columns.shares);
    lt_release(rows.starts);
    lt_release(rows.shares);
    return status;
}

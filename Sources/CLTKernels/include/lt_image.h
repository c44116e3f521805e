// Image kernels on interleaved 8-bit pixels of 1, 3 or 4 channels; rows are dense.
#ifndef LT_IMAGE_H
#define LT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Image kernels of the calling thread run at most at this level (an lt_isa) from now on; tests compare levels with it.
void lt_image_limit_isa(int level);

// Pillow's filters.
enum { LT_FILTER_BOX, LT_FILTER_BILINEAR, LT_FILTER_HAMMING, LT_FILTER_BICUBIC, LT_FILTER_LANCZOS };

// Every function takes source and target sizes from 1 up and returns 0, or -1 when memory is refused.
// `source` needs 64 readable bytes after its end.

// A part of the target image.
struct lt_window {
    size_t x, y, width, height;
};

// Antialiased separable resampling of the window's pixels, bit-equal to Pillow's: horizontal pass first, each pass rounded to 8 bits from
// sums of 22-bit fixed-point weights.
int lt_resample_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height, struct lt_window window, int filter);

// Pillow's NEAREST: positions are accumulated in double precision.
int lt_nearest_pil_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height);

// OpenCV's INTER_NEAREST.
int lt_nearest_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height);

// OpenCV's INTER_LINEAR for 8 bits: 11-bit weights, no antialiasing; halving both sides exactly averages 2x2 blocks.
int lt_linear_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height);

// OpenCV's INTER_AREA for 8 bits: the mean of the covered area. Where a side grows, OpenCV interpolates instead, which is
// the second function.
int lt_area_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height);
int lt_enlarge_area_cv2_u8(
    const uint8_t *source, size_t source_width, size_t source_height, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height);

// Copies pixels in another order: the target's (x, y) is at source[start + x * step_x + y * step_y].
void lt_turn_u8(
    const uint8_t *source, ptrdiff_t start, ptrdiff_t step_x, ptrdiff_t step_y, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height);

// Pillow's luma of RGB (channels 3) or RGBA (4): (19595 R + 38470 G + 7471 B + 32768) >> 16.
void lt_luma_u8(const uint8_t *source, size_t pixels, size_t channels, uint8_t *target);

// Crops, pads, looks up and lays out in one pass: 8-bit pixels to float.
struct lt_tensor_job {
    const uint8_t *source;
    size_t source_width, source_height, channels;
    // Where the source's (0, 0) lies in the target; negative crops.
    ptrdiff_t left, top;
    size_t target_width, target_height;
    // [channels][256]: the value of each byte in target channel c.
    const float *table;
    // Source channel that target channel c reads, and target channel c's value outside the source.
    uint8_t order[4];
    float fill[4];
    // 1: [channels, height, width], 0: [height, width, channels].
    int planar;
    // Planar: floats from one channel to the next; 0: target_height * target_width.
    size_t plane;
};
void lt_image_to_tensor(const struct lt_tensor_job *job, float *target);

// Colour distortion of RGB pixels: + brightness, * contrast (before or after the next), HSV * saturation and + hue in
// degrees (-360 ... 360), then result channel c = channel permutation[c]; floats inside, rounded and clipped at the end.
struct lt_photometric {
    float brightness, contrast, saturation, hue;
    int contrast_first;
    uint8_t permutation[3];
};
void lt_photometric_u8(const struct lt_photometric *job, const uint8_t *source, size_t pixels, uint8_t *target);

// target = table[source], byte by byte. This and what follows may work in place.
void lt_lookup_u8(const uint8_t *table, const uint8_t *source, size_t count, uint8_t *target);

// The sum of Pillow's luma over RGB pixels.
uint64_t lt_luma_sum_u8(const uint8_t *source, size_t pixels);

// RGB pixels at `factor` between their luma (0) and themselves (1), or beyond; clipped and truncated to bytes.
void lt_saturate_u8(const uint8_t *source, size_t pixels, float factor, uint8_t *target);

// RGB pixels with the hue (a byte for the whole circle) turned by `turn`, through Pillow's 8-bit HSV.
void lt_turn_hue_u8(const uint8_t *source, size_t pixels, uint8_t turn, uint8_t *target);

// The pixel at (x, y) shows the source at matrix · (x + 1/2, y + 1/2, 1), a matrix of two rows, interpolated linearly and
// truncated; `fill`, one value per channel, where that lies outside. Not in place.
void lt_rotate_u8(
    const uint8_t *source, size_t width, size_t height, size_t channels, const double *matrix, const uint8_t *fill,
    uint8_t *target);

#ifdef __cplusplus
}
#endif
#endif

// Pixel by pixel: turning and mirroring, luma.

#include "lt_image.h"

#define LT_INLINE static inline __attribute__((always_inline))

// Blocks, so that a turn by 90 degrees stays within a few cache lines of both images.
enum { lt_block = 32 };

LT_INLINE void lt_turn_channels(
    const uint8_t *source, ptrdiff_t step_x, ptrdiff_t step_y, size_t channels, uint8_t *target, size_t width,
    size_t height) {
    for (size_t top = 0; top < height; top += lt_block)
        for (size_t left = 0; left < width; left += lt_block) {
            const size_t bottom = height - top < lt_block ? height : top + lt_block;
            const size_t right = width - left < lt_block ? width : left + lt_block;
            for (size_t y = top; y < bottom; y++) {
                const uint8_t *from = source + (ptrdiff_t)left * step_x + (ptrdiff_t)y * step_y;
                uint8_t *to = target + (y * width + left) * channels;
                for (size_t x = left; x < right; x++, from += step_x, to += channels)
                    for (size_t c = 0; c < channels; c++) to[c] = from[c];
            }
        }
}

void lt_turn_u8(
    const uint8_t *source, ptrdiff_t start, ptrdiff_t step_x, ptrdiff_t step_y, size_t channels, uint8_t *target,
    size_t target_width, size_t target_height) {
    source += start;
    if (channels == 1) lt_turn_channels(source, step_x, step_y, 1, target, target_width, target_height);
    else if (channels == 3) lt_turn_channels(source, step_x, step_y, 3, target, target_width, target_height);
    else lt_turn_channels(source, step_x, step_y, 4, target, target_width, target_height);
}

LT_INLINE void lt_luma_channels(const uint8_t *source, size_t pixels, size_t channels, uint8_t *target) {
    for (size_t i = 0; i < pixels; i++, source += channels)
        target[i] = (uint8_t)((19595u * source[0] + 38470u * source[1] + 7471u * source[2] + 32768u) >> 16);
}

void lt_luma_u8(const uint8_t *source, size_t pixels, size_t channels, uint8_t *target) {
    if (channels == 3) lt_luma_channels(source, pixels, 3, target);
    else lt_luma_channels(source, pixels, 4, target);
}

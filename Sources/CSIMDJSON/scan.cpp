// Finds where elements of an array end without parsing them: 64 bytes at a time, quotes and brackets as bit masks.

#include "CSIMDJSON.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace {

struct Masks {
    uint64_t quote, backslash, open, close;
};

#if defined(__SSE2__)
inline Masks masks(const uint8_t *bytes) {
    Masks result = {0, 0, 0, 0};
    for (int part = 0; part < 4; part++) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes + 16 * part));
        auto bits = [&](__m128i equal) { return uint64_t(uint32_t(_mm_movemask_epi8(equal))) << (16 * part); };
        // '[' and '{', ']' and '}' differ in bit 5 only.
        const __m128i folded = _mm_or_si128(v, _mm_set1_epi8(0x20));
        result.quote |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        result.backslash |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        result.open |= bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')));
        result.close |= bits(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
    }
    return result;
}
#else
inline Masks masks(const uint8_t *bytes) {
    Masks result = {0, 0, 0, 0};
    for (int at = 0; at < 64; at++) {
        const uint64_t bit = uint64_t(1) << at;
        const uint8_t byte = bytes[at];
        if (byte == '"') result.quote |= bit;
        if (byte == '\\') result.backslash |= bit;
        if ((byte | 0x20) == '{') result.open |= bit;
        if ((byte | 0x20) == '}') result.close |= bit;
    }
    return result;
}
#endif

// Each bit becomes the parity of the bits up to and with it.
inline uint64_t parity(uint64_t bits) {
    for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
}

// Bits of bytes behind an odd number of backslashes.
inline uint64_t escaped(uint64_t backslash, uint64_t &carry) {
    if (backslash == 0) {
        const uint64_t result = carry;
        carry = 0;
        return result;
    }
    uint64_t result = 0;
    bool is_escaped = carry;
    for (int at = 0; at < 64; at++) {
        if (is_escaped) {
            result |= uint64_t(1) << at;
            is_escaped = false;
        } else {
            is_escaped = backslash >> at & 1;
        }
    }
    carry = is_escaped;
    return result;
}

inline void step(lt_json_position &position, uint8_t byte) {
    if (position.escaped) {
        position.escaped = 0;
    } else if (position.in_string) {
        if (byte == '\\') position.escaped = 1;
        if (byte == '"') position.in_string = 0;
    } else if (byte == '"') {
        position.in_string = ~uint64_t(0);
    } else if ((byte | 0x20) == '{') {
        position.depth++;
    } else if ((byte | 0x20) == '}') {
        position.depth--;
    }
}

}  // namespace

extern "C" size_t lt_json_scan(lt_json_position *state, const uint8_t *bytes, size_t count) {
    lt_json_position position = *state;
    size_t at = 0;
    for (; at + 64 <= count; at += 64) {
        const Masks m = masks(bytes + at);
        // A backslash outside strings is no JSON; the parser says so.
        const uint64_t quotes = m.quote & ~escaped(m.backslash, position.escaped);
        const uint64_t inside = parity(quotes) ^ position.in_string;
        position.in_string = uint64_t(int64_t(inside) >> 63);
        const uint64_t open = m.open & ~inside, close = m.close & ~inside;
        if (position.depth <= __builtin_popcountll(close)) {
            // Depth 1 may be closed here.
            for (uint64_t brackets = open | close; brackets; brackets &= brackets - 1) {
                position.depth += open & brackets & -brackets ? 1 : -1;
                if (position.depth <= 0) {
                    position.in_string = position.escaped = 0;
                    *state = position;
                    return at + __builtin_ctzll(brackets);
                }
            }
        } else {
            position.depth += __builtin_popcountll(open) - __builtin_popcountll(close);
        }
    }
    for (; at < count; at++) {
        step(position, bytes[at]);
        if (position.depth <= 0) break;
    }
    *state = position;
    return at;
}

extern "C" size_t lt_json_scan_to_end_of_element(lt_json_position *state, const uint8_t *bytes, size_t count) {
    lt_json_position position = *state;
    size_t at = 0;
    for (; at < count; at++) {
        const bool is_separator = bytes[at] == ',' && position.depth == 1 && !position.in_string && !position.escaped;
        step(position, bytes[at]);
        if (is_separator || position.depth <= 0) break;
    }
    *state = position;
    return at;
}

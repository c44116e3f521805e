// Parses an array of objects into columns with simdjson's on-demand parser. https://github.com/simdjson/simdjson
#pragma once

#include "CSIMDJSON.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>
#include <string>
#include <vector>

namespace lt_json {

namespace od = simdjson::ondemand;

constexpr int maximum_depth = 64;

struct Column {
    std::string key;  // the name, then '"'
    uint64_t words[2] = {0, 0}, masks[2] = {0, 0};  // its first 16 bytes, and which bits of them count
    lt_json_kind kind;
    // Of each row; larger than the number of rows.
    std::vector<uint8_t> present;
    std::vector<int64_t> integers;
    std::vector<double> numbers;
    std::vector<uint32_t> starts, ends;
    std::vector<uint8_t> mask_kinds;
    std::vector<uint32_t> mask_sizes, part_starts, part_ends;
    // Of all rows.
    std::vector<double> number_pool;
    std::vector<int64_t> integer_pool;
    std::vector<uint8_t> text_pool;
    std::vector<uint32_t> run_pool, part_pool;

    bool has_pool() const {
        return kind == LT_JSON_NUMBERS || kind == LT_JSON_INTS || kind == LT_JSON_TEXT || kind == LT_JSON_MASK;
    }

    void clear() { number_pool.clear(), integer_pool.clear(), text_pool.clear(), run_pool.clear(), part_pool.clear(); }

    // Makes room for `rows` rows.
    void grow(size_t rows) {
        present.resize(rows);
        if (kind == LT_JSON_INT || kind == LT_JSON_FLAG) integers.resize(rows);
        if (kind == LT_JSON_NUMBER) numbers.resize(rows);
        if (has_pool()) starts.resize(rows), ends.resize(rows);
        if (kind == LT_JSON_MASK) {
            mask_kinds.resize(rows), mask_sizes.resize(2 * rows), part_starts.resize(rows), part_ends.resize(rows);
        }
    }

    // Makes a row as an object without the member has it.
    void begin(size_t row) {
        present[row] = 0;
        if (kind == LT_JSON_INT || kind == LT_JSON_FLAG) integers[row] = 0;
        if (kind == LT_JSON_NUMBER) numbers[row] = 0;
        if (has_pool()) starts[row] = ends[row] = 0;
        if (kind == LT_JSON_MASK) {
            mask_kinds[row] = LT_JSON_MASK_NONE;
            mask_sizes[2 * row] = mask_sizes[2 * row + 1] = part_starts[row] = part_ends[row] = 0;
        }
    }
};

// What goes wrong leaves by this; caught in lt_json_table_parse.
struct Failure {
    lt_json_status status;
    const char *words;
    const uint8_t *at;  // NULL: where the parser stands
    int field;
};

inline bool ends_scalar(uint8_t byte) {
    return byte == ',' || byte == '}' || byte == ']' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t' || byte == ':';
}

struct Parser {
    od::parser parser;
    std::vector<Column> columns;
    std::vector<int> order;  // the field that came at each place in the object before; -1: none of ours
    std::vector<uint32_t> offsets;
    size_t capacity = 0;  // of the columns, in rows
    bool allows_nonfinite;
    int field = -1;

    [[noreturn]] void fail(lt_json_status status, const char *words, const void *at = nullptr) {
        throw Failure{status, words, static_cast<const uint8_t *>(at), field};
    }
    void check(simdjson::error_code error) {
        if (error == simdjson::SUCCESS) return;
        if (error == simdjson::MEMALLOC) fail(LT_JSON_MEMORY, "no memory");
        fail(LT_JSON_SYNTAX, simdjson::error_message(error));
    }
    template <typename T>
    T take(simdjson::simdjson_result<T> result) {
        check(result.error());
        return std::move(result).value_unsafe();
    }
    static const char *token(od::value &value) {
        auto token = value.raw_json_token();
        return token.data();
    }
    // The value is of another kind than expected, or no value at all.
    [[noreturn]] void wrong(od::value &value, const char *expected) {
        od::json_type type;
        const char *at = token(value);
        if (value.type().get(type) != simdjson::SUCCESS) fail(LT_JSON_SYNTAX, "no JSON value", at);
        fail(LT_JSON_KIND, expected, at);
    }

    double number(od::value &value) {
        double result;
        if (plain_number(token(value), result)) return result;
        auto error = value.get_double().get(result);
        if (error == simdjson::SUCCESS) return result;
        return odd_number(value);
    }
    // Numbers like -123.45678901234567, eight digits at a time; false for any other shape, which simdjson then reads. Detectors
    // write float32 as doubles: 17 digits most of the time.
    static bool plain_number(const char *text, double &result) {
        const bool negative = *text == '-';
        const char *first = text + negative;
        const char *at = first;
        uint64_t digits = 0;
        while (uint8_t(*at - '0') < 10 && at - first < 9) digits = 10 * digits + uint64_t(*at++ - '0');
        const long whole = at - first;
        if (whole == 0 || (*first == '0' && whole > 1)) return false;
        long places = 0;
        if (*at == '.') {
            const char *start = ++at;
            uint64_t eight;
            while (at - start < 16 && (memcpy(&eight, at, 8), is_eight_digits(eight)) && whole + (at - start) <= 11) {
                digits = 100000000 * digits + eight_digits(eight);
                at += 8;
            }
            while (uint8_t(*at - '0') < 10 && whole + (at - start) < 19) digits = 10 * digits + uint64_t(*at++ - '0');
            places = at - start;
            if (places == 0) return false;
        }
        if (!ends_scalar(uint8_t(*at))) return false;
        return simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::numberparsing::compute_float_64(-places, digits, negative, result);
    }
    static bool is_eight_digits(uint64_t bytes) {
        return ((bytes & 0xF0F0F0F0F0F0F0F0) | (((bytes + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) == 0x3333333333333333;
    }
    // The first digit in the lowest byte.
    static uint64_t eight_digits(uint64_t bytes) {
        bytes = (bytes & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8;
        bytes = (bytes & 0x00FF00FF00FF00FF) * 6553601 >> 16;
        return (bytes & 0x0000FFFF0000FFFF) * 42949672960001 >> 32;
    }

    // NaN and infinities as Python writes them, and numbers beyond double precision; simdjson takes neither. The token is
    // not consumed: the iteration around it passes over it.
    double odd_number(od::value &value) {
        const char *text = token(value);
        const bool negative = *text == '-';
        const char *rest = text + negative;
        struct {
            const char *word;
            double value;
        } const words[] = {{"NaN", NAN}, {"Infinity", INFINITY}};
        for (const auto &known : words) {
            const size_t length = strlen(known.word);
            if (strncmp(rest, known.word, length) != 0 || !ends_scalar(uint8_t(rest[length]))) continue;
            if (negative && std::isnan(known.value)) break;
            if (!allows_nonfinite) fail(LT_JSON_NOT_FINITE, known.word, text);
            return negative ? -known.value : known.value;
        }
        if (*rest >= '0' && *rest <= '9') {
            char copy[512];
            size_t length = 0;
            while (length < sizeof copy - 1 && !ends_scalar(uint8_t(text[length]))) {
                copy[length] = text[length];
                length++;
            }
            copy[length] = 0;
            if (length < sizeof copy - 1 && strspn(copy, "0123456789+-.eE") == length) {
                char *end;
                const double parsed = strtod(copy, &end);
                if (*end == 0 && std::isinf(parsed)) {
                    if (!allows_nonfinite) fail(LT_JSON_NOT_FINITE, "a number beyond double precision", text);
                    return parsed;
                }
            }
            fail(LT_JSON_SYNTAX, "malformed number", text);
        }
        wrong(value, "number");
    }
    int64_t integer(od::value &value) {
        int64_t result;
        if (value.get_int64().get(result) == simdjson::SUCCESS) return result;
        const char *at = token(value);
        const double wide = number(value);
        if (!(std::fabs(wide) < 9e15) || wide != std::floor(wide)) fail(LT_JSON_KIND, "whole number", at);
        return int64_t(wide);
    }

    // Copies what stands between the quotes, escapes included; `text` is behind the opening quote.
    static void copy_text(const char *text, std::vector<uint8_t> &pool) {
        size_t length = 0;
        while (text[length] != '"') length += text[length] == '\\' ? 2 : 1;
        pool.insert(pool.end(), text, text + length);
    }

    // Checks a value that nobody asked for.
    void validate(od::value value, int depth) {
        if (depth > maximum_depth) fail(LT_JSON_DEPTH, "nested too deep", token(value));
        switch (take(value.type())) {
            case od::json_type::array: {
                for (auto element : take(value.get_array())) validate(take(std::move(element)), depth + 1);
                return;
            }
            case od::json_type::object: {
                for (auto member : take(value.get_object())) {
                    check(member.error());
                    validate(od::value(member.value_unsafe().value()), depth + 1);
                }
                return;
            }
            case od::json_type::string: take(value.get_raw_json_string()); return;
            case od::json_type::number: {
                double ignored;
                if (value.get_double().get(ignored) != simdjson::SUCCESS) {
                    const bool allowed = allows_nonfinite;
                    allows_nonfinite = true;
                    odd_number(value);
                    allows_nonfinite = allowed;
                }
                return;
            }
            case od::json_type::boolean: take(value.get_bool()); return;
            case od::json_type::null:
                if (!take(value.is_null())) fail(LT_JSON_SYNTAX, "no JSON value", token(value));
                return;
        }
    }

    void polygons(Column &column, od::value &value, size_t row) {
        column.mask_kinds[row] = LT_JSON_MASK_POLYGONS;
        column.starts[row] = uint32_t(column.number_pool.size());
        column.part_starts[row] = uint32_t(column.part_pool.size());
        for (auto element : take(value.get_array())) {
            od::value part = take(std::move(element));
            if (take(part.type()) != od::json_type::array) wrong(part, "array of coordinates");
            for (auto coordinate : take(part.get_array())) {
                od::value plain = take(std::move(coordinate));
                column.number_pool.push_back(number(plain));
            }
            column.part_pool.push_back(uint32_t(column.number_pool.size()));
        }
        column.ends[row] = uint32_t(column.number_pool.size());
        column.part_ends[row] = uint32_t(column.part_pool.size());
    }

    void runs(Column &column, od::value &value, size_t row) {
        const char *at = token(value);
        bool has_size = false, has_counts = false;
        for (auto result : take(value.get_object())) {
            check(result.error());
            od::field member = std::move(result).value_unsafe();
            const char *key = member.key().raw();
            od::value inner = member.value();
            if (strncmp(key, "size\"", 5) == 0) {
                size_t count = 0;
                if (take(inner.type()) != od::json_type::array) wrong(inner, "array [height, width]");
                for (auto element : take(inner.get_array())) {
                    od::value plain = take(std::move(element));
                    const int64_t side = integer(plain);
                    if (count >= 2 || side < 0 || side > INT32_MAX) fail(LT_JSON_KIND, "[height, width]", at);
                    column.mask_sizes[2 * row + count++] = uint32_t(side);
                }
                if (count != 2) fail(LT_JSON_KIND, "[height, width]", at);
                has_size = true;
            } else if (strncmp(key, "counts\"", 7) == 0) {
                const auto type = take(inner.type());
                if (type == od::json_type::string) {
                    column.mask_kinds[row] = LT_JSON_MASK_TEXT;
                    column.starts[row] = uint32_t(column.text_pool.size());
                    copy_text(take(inner.get_raw_json_string()).raw(), column.text_pool);
                    column.ends[row] = uint32_t(column.text_pool.size());
                } else if (type == od::json_type::array) {
                    column.mask_kinds[row] = LT_JSON_MASK_RUNS;
                    column.starts[row] = uint32_t(column.run_pool.size());
                    for (auto element : take(inner.get_array())) {
                        od::value plain = take(std::move(element));
                        const int64_t run = integer(plain);
                        if (run < 0 || run > INT32_MAX) fail(LT_JSON_KIND, "run of 0 pixels or more", at);
                        column.run_pool.push_back(uint32_t(run));
                    }
                    column.ends[row] = uint32_t(column.run_pool.size());
                } else {
                    wrong(inner, "string or array of runs");
                }
                has_counts = true;
            } else {
                validate(inner, 4);
            }
        }
        if (!has_size || !has_counts) fail(LT_JSON_KIND, "mask with \"size\" and \"counts\"", at);
    }

    void read(Column &column, od::value &value, size_t row) {
        column.present[row] = 1;
        switch (column.kind) {
            case LT_JSON_NUMBER: {
                double result;
                if (!plain_number(token(value), result) && value.get_double().get(result) != simdjson::SUCCESS) {
                    if (is_null(column, value, row)) return;
                    result = odd_number(value);
                }
                column.numbers[row] = result;
                return;
            }
            case LT_JSON_INT: {
                int64_t result;
                if (value.get_int64().get(result) != simdjson::SUCCESS) {
                    if (is_null(column, value, row)) return;
                    result = integer(value);
                }
                column.integers[row] = result;
                return;
            }
            default: break;
        }
        if (is_null(column, value, row)) return;
        const auto type = take(value.type());
        switch (column.kind) {
            case LT_JSON_NUMBERS:
                if (type != od::json_type::array) wrong(value, "array");
                column.starts[row] = uint32_t(column.number_pool.size());
                for (auto element : take(value.get_array())) {
                    check(element.error());
                    od::value plain(std::move(element).value_unsafe());
                    column.number_pool.push_back(number(plain));
                }
                column.ends[row] = uint32_t(column.number_pool.size());
                return;
            case LT_JSON_INTS:
                if (type != od::json_type::array) wrong(value, "array");
                column.starts[row] = uint32_t(column.integer_pool.size());
                for (auto element : take(value.get_array())) {
                    od::value plain = take(std::move(element));
                    column.integer_pool.push_back(integer(plain));
                }
                column.ends[row] = uint32_t(column.integer_pool.size());
                return;
            case LT_JSON_TEXT:
                if (type != od::json_type::string) wrong(value, "string");
                column.starts[row] = uint32_t(column.text_pool.size());
                copy_text(take(value.get_raw_json_string()).raw(), column.text_pool);
                column.ends[row] = uint32_t(column.text_pool.size());
                return;
            case LT_JSON_FLAG:
                if (type == od::json_type::boolean) {
                    column.integers[row] = take(value.get_bool());
                } else {
                    column.integers[row] = number(value) != 0;
                }
                return;
            case LT_JSON_MASK:
                if (type == od::json_type::array) {
                    polygons(column, value, row);
                } else if (type == od::json_type::object) {
                    runs(column, value, row);
                } else {
                    wrong(value, "polygons or run lengths");
                }
                return;
            default: return;
        }
    }

    bool is_null(Column &column, od::value &value, size_t row) {
        if (*token(value) != 'n' || !take(value.is_null())) return false;
        column.present[row] = 0;
        return true;
    }

    // Keys end in a quote that no other key has in that place; the block's padding can be read over.
    static bool is_key(const char *key, const Column &column) {
        uint64_t words[2];
        memcpy(words, key, 16);
        if (((words[0] ^ column.words[0]) & column.masks[0]) | ((words[1] ^ column.words[1]) & column.masks[1])) return false;
        const size_t size = column.key.size();
        return size <= 16 || (size <= simdjson::SIMDJSON_PADDING && memcmp(key, column.key.data(), size) == 0);
    }

    // The field of a key; `place` is where in the object the key stands.
    int find(const char *key, size_t place) {
        if (place < order.size()) {
            const int expected = order[place];
            if (expected >= 0) {
                if (is_key(key, columns[expected])) return expected;
            }
        }
        int found = -1;
        for (size_t index = 0; index < columns.size(); index++) {
            if (is_key(key, columns[index])) found = int(index);
        }
        if (place >= order.size() && place < 64) order.resize(place + 1, -1);
        if (place < order.size()) order[place] = found;
        return found;
    }

    void parse(const uint8_t *bytes, size_t count) {
        for (auto &column : columns) column.clear();
        offsets.clear();
        field = -1;
        const simdjson::padded_string_view view(bytes, count, count + simdjson::SIMDJSON_PADDING);
        od::document document = take(parser.iterate(view));
        for (auto element : take(document.get_array())) {
            od::value value = take(std::move(element));
            const char *at = token(value);
            if (take(value.type()) != od::json_type::object) fail(LT_JSON_NOT_OBJECT, "object", at);
            const size_t row = offsets.size();
            offsets.push_back(uint32_t(at - reinterpret_cast<const char *>(bytes)));
            if (row == capacity) {
                capacity = capacity < 1024 ? 1024 : 2 * capacity;
                for (auto &column : columns) column.grow(capacity);
            }
            for (auto &column : columns) column.begin(row);
            size_t place = 0;
            for (auto result : take(value.get_object())) {
                check(result.error());
                od::field member = std::move(result).value_unsafe();
                field = find(member.key().raw(), place++);
                od::value inner = member.value();
                if (field >= 0) {
                    read(columns[field], inner, row);
                } else {
                    validate(inner, 3);
                }
                field = -1;
            }
        }
        const char *rest;
        if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) fail(LT_JSON_SYNTAX, "something after the end of the array");
    }
};

}  // namespace lt_json

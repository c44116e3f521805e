// The C API of the table: columns of an array of objects; see Parser.h.
#include "Parser.h"

using namespace lt_json;

struct lt_json_table {
    Parser parser;
};

extern "C" lt_json_table *lt_json_table_new(const lt_json_field *fields, size_t count, bool allows_nonfinite) {
    try {
        auto *table = new lt_json_table;
        table->parser.allows_nonfinite = allows_nonfinite;
        for (size_t index = 0; index < count; index++) {
            Column column;
            column.key = std::string(fields[index].name) + "\"";
            column.kind = fields[index].kind;
            const size_t head = column.key.size() < 16 ? column.key.size() : 16;
            memcpy(column.words, column.key.data(), head);
            memset(column.masks, 0xFF, head);
            table->parser.columns.push_back(std::move(column));
        }
        return table;
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

extern "C" void lt_json_table_free(lt_json_table *table) { delete table; }

extern "C" size_t lt_json_padding(void) { return simdjson::SIMDJSON_PADDING; }

extern "C" bool lt_json_table_parse(lt_json_table *table, const uint8_t *bytes, size_t count, lt_json_failure *failure) {
    Parser &parser = table->parser;
    auto say = [&](lt_json_status status, const char *words, const uint8_t *at, int field) {
        const bool is_inside = at >= bytes && at < bytes + count;
        const size_t last = parser.offsets.empty() ? 0 : parser.offsets.back();
        failure->status = status;
        failure->offset = is_inside ? size_t(at - bytes) : last;
        failure->field = field;
        snprintf(failure->words, sizeof failure->words, "%s", words);
        return false;
    };
    try {
        parser.parse(bytes, count);
        return true;
    } catch (const Failure &thrown) {
        return say(thrown.status, thrown.words, thrown.at, thrown.field);
    } catch (const std::bad_alloc &) {
        return say(LT_JSON_MEMORY, "no memory", nullptr, -1);
    }
}

extern "C" size_t lt_json_table_rows(const lt_json_table *table) { return table->parser.offsets.size(); }

extern "C" const uint32_t *lt_json_table_offsets(const lt_json_table *table) { return table->parser.offsets.data(); }

extern "C" lt_json_column lt_json_table_column(const lt_json_table *table, size_t field) {
    const Column &column = table->parser.columns[field];
    lt_json_column result;
    result.present = column.present.data();
    result.integers = column.integers.data();
    result.numbers = column.numbers.data();
    result.starts = column.starts.data();
    result.ends = column.ends.data();
    result.number_pool = column.number_pool.data();
    result.integer_pool = column.integer_pool.data();
    result.text_pool = column.text_pool.data();
    result.mask_kinds = column.mask_kinds.data();
    result.mask_sizes = column.mask_sizes.data();
    result.run_pool = column.run_pool.data();
    result.part_starts = column.part_starts.data();
    result.part_ends = column.part_ends.data();
    result.part_pool = column.part_pool.data();
    return result;
}

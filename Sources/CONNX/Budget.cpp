// The walk over the wire format: it needs to know which fields are messages, and counts what they and strings cost.
#include "Budget.h"

#include <cstdint>

namespace {

using google::protobuf::io::CodedInputStream;

enum class Kind { plain, leaf, entry, model, graph, node, attribute, function, tensor, sparse, info, type, holder, shape, training };

// What a field holds; `plain` bytes cost what the file says, a `leaf` is a message or string without more below.
Kind kindOf(Kind parent, uint32_t field) {
    switch (parent) {
    case Kind::model:
        switch (field) {
        case 7: return Kind::graph;
        case 8: case 26: return Kind::leaf;
        case 14: return Kind::entry;
        case 20: return Kind::training;
        case 25: return Kind::function;
        default: return Kind::plain;
        }
    case Kind::training:
        return field <= 2 ? Kind::graph : Kind::leaf;
    case Kind::graph:
        switch (field) {
        case 1: return Kind::node;
        case 5: return Kind::tensor;
        case 11: case 12: case 13: return Kind::info;
        case 14: return Kind::leaf;
        case 15: return Kind::sparse;
        case 16: return Kind::entry;
        default: return Kind::plain;
        }
    case Kind::node:
        switch (field) {
        case 1: case 2: return Kind::entry;
        case 5: return Kind::attribute;
        case 9: return Kind::entry;
        case 10: return Kind::leaf;
        default: return Kind::plain;
        }
    case Kind::attribute:
        switch (field) {
        case 5: case 10: return Kind::tensor;
        case 6: case 11: return Kind::graph;
        case 9: return Kind::entry;
        case 14: case 15: return Kind::type;
        case 22: case 23: return Kind::sparse;
        default: return Kind::plain;
        }
    case Kind::function:
        switch (field) {
        case 4: case 5: case 6: return Kind::entry;
        case 7: return Kind::node;
        case 9: return Kind::leaf;
        case 11: return Kind::attribute;
        case 12: return Kind::info;
        case 14: return Kind::entry;
        default: return Kind::plain;
        }
    case Kind::tensor:
        return field == 6 || field == 13 || field == 16 ? Kind::entry : Kind::plain;
    case Kind::sparse:
        return field <= 2 ? Kind::tensor : Kind::plain;
    case Kind::info:
        return field == 2 ? Kind::type : field == 4 ? Kind::entry : Kind::plain;
    case Kind::type:
        return field == 6 ? Kind::plain : Kind::holder;
    case Kind::holder:
        // A tensor's shape or an inner type: told apart by neither costing much.
        return field <= 2 ? Kind::shape : Kind::plain;
    case Kind::shape:
        return Kind::shape;
    default:
        return Kind::plain;
    }
}

// Bytes that one element costs here and in LTGraph, measured generously.
int64_t cost(Kind kind) {
    switch (kind) {
    case Kind::plain: return 0;
    case Kind::entry: return 160;
    case Kind::shape: case Kind::leaf: case Kind::holder: case Kind::type: return 128;
    default: return 640;
    }
}

bool walk(CodedInputStream &stream, Kind kind, int depth, int64_t &budget) {
    while (const uint32_t tag = stream.ReadTag()) {
        uint64_t skipped;
        uint32_t length;
        switch (tag & 7) {
        case 0:
            if (!stream.ReadVarint64(&skipped)) return true;
            break;
        case 1:
            if (!stream.Skip(8)) return true;
            break;
        case 5:
            if (!stream.Skip(4)) return true;
            break;
        case 2: {
            if (!stream.ReadVarint32(&length) || length > INT32_MAX) return true;
            const Kind child = kindOf(kind, tag >> 3);
            budget -= cost(child);
            if (budget < 0) return false;
            if (child == Kind::plain || child == Kind::entry || child == Kind::leaf || depth == 0) {
                if (!stream.Skip(int(length))) return true;
                break;
            }
            const auto limit = stream.PushLimit(int(length));
            if (!walk(stream, child, depth - 1, budget)) return false;
            // Where the walk ended early the bytes are malformed, and so the parser will say.
            if (stream.BytesUntilLimit() > 0) return true;
            stream.PopLimit(limit);
            break;
        }
        default:
            return true;
        }
    }
    return true;
}

}  // namespace

bool lt::structureFits(CodedInputStream &stream) {
    int64_t budget = int64_t(1) << 30;
    return walk(stream, Kind::model, 100, budget);
}

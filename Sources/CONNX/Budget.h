// Budget: bounds the memory that a model's structure takes before it is parsed. Two bytes of file can make a node of
// several hundred bytes, so the size of a file says little.
#pragma once

#include <google/protobuf/io/coded_stream.h>

namespace lt {

/// Walks a serialized ModelProto. False: its messages and strings would take more than about 1 GiB (tensor elements and
/// other plain bytes aside). True says nothing of its being well formed, which the parser judges.
bool structureFits(google::protobuf::io::CodedInputStream &stream);

/// What to say then.
constexpr const char *structureTooLarge = "the nodes, types and names of the model would take more than 1 GiB of memory";

}  // namespace lt

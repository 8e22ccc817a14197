// SPDX-License-Identifier: Apache-2.0
//
// Streams in RDB: chunks as they are in memory, counters, groups with what is pending.
#pragma once

#include "redis/keyspace/stream_value.hpp"
#include "redis/rdb/rdb_bytes.hpp"

namespace compozy::redis {

void write_stream(RdbWriter& out, const StreamValue& stream);
// `counters`: the form of Redis 7.0, with first ID, deletions and entries added. False: not well formed.
bool read_stream(RdbReader& in, bool counters, StreamValue& stream);

}  // namespace compozy::redis

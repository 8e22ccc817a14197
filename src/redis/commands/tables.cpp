// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "redis/commands/handlers.hpp"
#include "redis/commands/row.hpp"

namespace compozy::redis {

std::span<const std::span<const Row>> all_tables() {
  // One table a line: several people add to it.
  static const std::array kTables{
      strings_rows(),       //
      lists_rows(),         //
      hashes_rows(),        //
      sets_rows(),          //
      zsets_rows(),         //
      generic_rows(),       //
      bitmaps_rows(),       //
      hyperloglog_rows(),   //
      geo_rows(),           //
      streams_rows(),       //
      transactions_rows(),  //
      pubsub_rows(),        //
      connection_rows(),    //
      server_rows(),        //
      scripting_rows(),     //
      functions_rows(),     //
      acl_rows(),           //
      observation_rows(),   //
      cluster_rows(),
  };
  return kTables;
}

}  // namespace compozy::redis

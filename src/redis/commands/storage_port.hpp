// SPDX-License-Identifier: Apache-2.0
//
// StoragePort: the dump file, as commands see it: SAVE, BGSAVE, LASTSAVE, DEBUG RELOAD. Implemented by redis/persist.
// Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "redis/commands/scripting/script_port.hpp"

namespace compozy::redis {

class StoragePort {
 public:
  virtual ~StoragePort() = default;
  // Empty: done. Otherwise the error reply without its minus. Writes under the gate and waits for the disk.
  virtual std::string save() = 0;
  virtual void save_flushed() = 0;  // after FLUSHALL, which ended any walk
  // Empty: a walk over the keys has begun, commands go on. Otherwise the error reply.
  virtual std::string start_save() = 0;
  // The same for replicas that wait for all data. The file goes to each of them that is attached to it: from the disk
  // once it is whole, or in parts as they are made. They are in server.replication.replicas.
  struct ForReplicas {
    bool to_sockets = false;
    bool without_data = false;       // the file holds no keys
    bool without_functions = false;  // the file holds no functions
  };
  virtual std::string start_sync(ForReplicas how) = 0;
  virtual std::optional<ForReplicas> syncing() const = 0;  // what is made for replicas now
  virtual void save_later() = 0;                           // as soon as nothing else walks over the keys
  virtual bool saving() const = 0;
  // Loads the dump file (save: written just before). The policy is that of libraries of functions; flush empties the
  // keyspace before.
  virtual std::string reload(bool save, RestorePolicy libraries) = 0;
  virtual int64_t last_save_s() const = 0;
  virtual bool last_save_failed() const = 0;
  // A slice of the walk, and the saves that the setting `save` asks for.
  virtual void work(int64_t budget_us) = 0;
  virtual std::vector<std::pair<std::string, std::string>> info() const = 0;
};

}  // namespace compozy::redis

// SPDX-License-Identifier: Apache-2.0
//
// RedisSide: seam 1 as this process has it: the engine in here with its log and its unix socket, or a server elsewhere.
// Owner: Server. Thread: the loop, except where redis::Client says otherwise.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "config/config.hpp"
#include "config/mode.hpp"
#include "io/loop.hpp"
#include "redis/client/client.hpp"

namespace compozy::app {

class RedisSide {
 public:
  static Result<std::unique_ptr<RedisSide>> open(const config::Config& config, config::Mode mode,
                                                 const std::string& data_dir, io::Loop& loop);

  virtual ~RedisSide() = default;
  virtual redis::Client& client() = 0;
  virtual std::string address() const = 0;  // for people: how to connect to it
  virtual io::Task<void> stop() = 0;        // what is pending becomes durable

  // Tells subscribers of a channel; nobody waits for it, and nothing depends on it.
  void publish(const std::string& channel, const std::string& kind, const std::string& body);

 protected:
  explicit RedisSide(io::Loop& loop) : loop_(loop) {}
  io::Loop& loop_;
};

}  // namespace compozy::app

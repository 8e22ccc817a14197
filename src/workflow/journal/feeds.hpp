// SPDX-License-Identifier: Apache-2.0
//
// Feeds: who is watching which run. Durable events go out after their commit, in order; the text of a model that is
// still writing goes out as it comes, and whoever joins late gets what has been written so far, once.
//
// Limits: kFeedCapacity events, or kFeedBytesMax of them, wait for one subscriber, then its feed closes and it reads on
// from the store; kTextMax bytes of running text are kept per activity. A run is held while somebody watches it or one
// of its texts is being written: what is left of a feed goes with its last holder. Thread: the loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "workflow/run/runs.hpp"

namespace compozy::workflow {

inline constexpr size_t kFeedCapacity = 4'096;
inline constexpr size_t kFeedBytesMax = 512U << 10U;
inline constexpr size_t kTextMax = 262'144;

// The activity that writes a text: where in the run, and which of its attempts.
struct TextSource {
  std::string path;
  int64_t op = 0;
  int64_t attempt = 0;
};

class Feeds {
 public:
  std::shared_ptr<Feed> subscribe(const std::string& run_id);
  void publish(const std::string& run_id, const FeedEvent& event);
  void delta(const std::string& run_id, const TextSource& source, std::string_view text, int64_t at_ms);
  void text_ended(const std::string& run_id, int64_t op);  // the finished text is a durable event now
  void close(const std::string& run_id);                   // the run has ended: nothing more will come
  size_t size() const { return watched_->size(); }         // runs that are held

 private:
  struct RunningText {
    TextSource source;
    std::string text;
    bool cut = false;  // its beginning no longer fits
  };
  struct Watched {
    std::vector<std::weak_ptr<Feed>> feeds;
    std::map<int64_t, RunningText> texts;  // by op
  };
  static FeedEvent chunk(const TextSource& source, size_t offset, std::string_view text, int64_t at_ms);
  using Runs = std::unordered_map<std::string, Watched>;
  static void forget_gone(Runs& runs, const std::string& run_id);
  void send(Watched& watched, const FeedEvent& event);

  std::shared_ptr<Runs> watched_ = std::make_shared<Runs>();  // feeds may outlive this
};

}  // namespace compozy::workflow

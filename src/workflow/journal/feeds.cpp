// SPDX-License-Identifier: Apache-2.0
#include "workflow/journal/feeds.hpp"

#include <algorithm>

#include "json/print.hpp"

namespace compozy::workflow {

FeedEvent Feeds::chunk(const TextSource& source, size_t offset, std::string_view text, int64_t at_ms) {
  return {.n = 0,
          .at_ms = at_ms,
          .kind = "llm_chunk",
          .body = json::print(json::Value::object({{"path", source.path},
                                                   {"op", source.op},
                                                   {"attempt", source.attempt},
                                                   {"offset", offset},
                                                   {"text", text}}))};
}

std::shared_ptr<Feed> Feeds::subscribe(const std::string& run_id) {
  auto feed = std::make_shared<Feed>(kFeedCapacity, kFeedBytesMax);
  Watched& watched = runs_[run_id];
  std::erase_if(watched.feeds, [](const auto& weak) { return weak.expired(); });
  for (const auto& [op, running] : watched.texts) {
    if (!running.cut && !running.text.empty()) feed->try_push(chunk(running.source, 0, running.text, 0));
  }
  watched.feeds.push_back(feed);
  return feed;
}

void Feeds::send(Watched& watched, const FeedEvent& event) {
  std::erase_if(watched.feeds, [&](const std::weak_ptr<Feed>& weak) {
    const std::shared_ptr<Feed> feed = weak.lock();
    if (!feed) return true;
    FeedEvent copy = event;
    if (feed->try_push(std::move(copy)) == io::Push::done) return false;
    feed->close();
    return true;
  });
}

void Feeds::publish(const std::string& run_id, const FeedEvent& event) {
  const auto found = runs_.find(run_id);
  if (found != runs_.end()) send(found->second, event);
}

void Feeds::delta(const std::string& run_id, const TextSource& source, std::string_view text, int64_t at_ms) {
  Watched& watched = runs_[run_id];
  RunningText& running = watched.texts[source.op];
  if (running.source.attempt != source.attempt) running = {.source = source, .text = {}};
  const size_t offset = running.text.size();
  if (offset + text.size() > kTextMax) running.cut = true;
  running.text += text;
  send(watched, chunk(source, offset, text, at_ms));
}

void Feeds::text_ended(const std::string& run_id, int64_t op) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return;
  found->second.texts.erase(op);
  if (found->second.texts.empty() && found->second.feeds.empty()) runs_.erase(found);
}

void Feeds::close(const std::string& run_id) {
  const auto found = runs_.find(run_id);
  if (found == runs_.end()) return;
  for (const std::weak_ptr<Feed>& weak : found->second.feeds) {
    if (const auto feed = weak.lock()) feed->close();
  }
  runs_.erase(found);
}

}  // namespace compozy::workflow

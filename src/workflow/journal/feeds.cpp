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

// A run that had ended before somebody subscribed is closed by nobody.
void Feeds::forget_gone(Runs& runs, const std::string& run_id) {
  const auto found = runs.find(run_id);
  if (found == runs.end()) return;
  std::erase_if(found->second.feeds, [](const auto& weak) { return weak.expired(); });
  if (found->second.feeds.empty() && found->second.texts.empty()) runs.erase(found);
}

std::shared_ptr<Feed> Feeds::subscribe(const std::string& run_id) {
  const std::shared_ptr<Feed> feed(new Feed(kFeedCapacity, kFeedBytesMax),
                                   [runs = std::weak_ptr(watched_), run_id](const Feed* last) {
                                     delete last;
                                     if (const auto held = runs.lock()) forget_gone(*held, run_id);
                                   });
  Watched& watched = (*watched_)[run_id];
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
  const auto found = watched_->find(run_id);
  if (found != watched_->end()) send(found->second, event);
}

void Feeds::delta(const std::string& run_id, const TextSource& source, std::string_view text, int64_t at_ms) {
  Watched& watched = (*watched_)[run_id];
  RunningText& running = watched.texts[source.op];
  if (running.source.attempt != source.attempt) running = {.source = source, .text = {}};
  const size_t offset = running.text.size();
  if (offset + text.size() > kTextMax) running.cut = true;
  running.text += text;
  send(watched, chunk(source, offset, text, at_ms));
}

void Feeds::text_ended(const std::string& run_id, int64_t op) {
  const auto found = watched_->find(run_id);
  if (found == watched_->end()) return;
  found->second.texts.erase(op);
  forget_gone(*watched_, run_id);
}

void Feeds::close(const std::string& run_id) {
  auto ended = watched_->extract(run_id);
  if (ended.empty()) return;
  for (const std::weak_ptr<Feed>& weak : ended.mapped().feeds) {
    if (const auto feed = weak.lock()) feed->close();
  }
}

}  // namespace compozy::workflow

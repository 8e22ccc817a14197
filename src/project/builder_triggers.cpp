// SPDX-License-Identifier: Apache-2.0
//
// What starts runs by itself: signals, webhooks, schedules.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "expression/cel/cel.hpp"
#include "expression/template/template.hpp"
#include "json/schema.hpp"
#include "project/builder.hpp"
#include "project/cron.hpp"
#include "project/definition_fields.hpp"

namespace compozy::project {

namespace {

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

void Builder::build_triggers(const Node& triggers) {
  for (size_t i = 0; i < triggers.items.size(); ++i) {
    const Node& node = triggers.items[i];
    const std::string path = "triggers[" + std::to_string(i) + ']';
    if (!check_fields(node, kTriggerFields, path, diagnostics_)) continue;
    const std::string type = node.text("type");
    const Node* webhook = node.find("webhook");
    if (type == "webhook") {
      if (node.find("name") != nullptr)
        diagnostics_.add(*node.find("name"), path + ".name", "belongs to a signal; a webhook has a 'slug'");
      if (webhook == nullptr || !webhook->is_map()) {
        diagnostics_.add(node, path, "a webhook trigger needs 'webhook'");
      } else {
        workflow_.triggers.push_back(
            {.name = {}, .schema = {}, .webhook = {build_webhook(*webhook, path + ".webhook")}});
      }
      continue;
    }
    if (type != "signal") {
      diagnostics_.add(node, path + ".type",
                       "unknown trigger type '" + type + "'; expected 'signal' or 'webhook'" +
                           did_you_mean(type, std::array<std::string_view, 2>{"signal", "webhook"}));
      continue;
    }
    if (webhook != nullptr) diagnostics_.add(*webhook, path + ".webhook", "belongs to a trigger of type 'webhook'");
    Trigger trigger{.name = node.text("name"), .schema = schema_of(node, "schema", path), .webhook = {}};
    if (trigger.name.empty()) diagnostics_.add(node, path, "a signal trigger needs 'name'");
    workflow_.triggers.push_back(std::move(trigger));
  }
}

Webhook Builder::build_webhook(const Node& node, const std::string& path) {
  constexpr std::array<std::string_view, 3> kMethods{"POST", "PUT", "PATCH"};
  Webhook webhook;
  if (!check_fields(node, kWebhookFields, path, diagnostics_)) return webhook;
  webhook.slug = node.text("slug");
  if (node.find("slug") != nullptr && !is_slug(webhook.slug)) {
    diagnostics_.add(*node.find("slug"), path + ".slug",
                     "expected lower-case letters, digits, '-' and '_', at most 64");
  }
  if (node.find("method") != nullptr) {
    webhook.method = to_upper(node.text("method"));
    if (std::ranges::find(kMethods, webhook.method) == kMethods.end())
      diagnostics_.add(*node.find("method"), path + ".method", "expected POST, PUT or PATCH");
  }
  if (const Node* verify = node.find("verify")) build_verification(*verify, path + ".verify", webhook);
  const Node* dedupe = node.find("dedupe");
  if (dedupe != nullptr && check_fields(*dedupe, kDedupeFields, path + ".dedupe", diagnostics_)) {
    webhook.dedupe = dedupe->json("enabled").bool_or(true);
    if (dedupe->find("ttl") != nullptr) webhook.dedupe_ttl_ms = duration_of(*dedupe, "ttl");
    webhook.dedupe_key = dedupe->text("key");
  }
  const Node* events = node.find("events");
  if (events == nullptr || !events->is_list()) return webhook;
  if (events->items.empty()) diagnostics_.add(*events, path + ".events", "needs at least one event");
  for (size_t i = 0; i < events->items.size(); ++i) {
    const std::string where = path + ".events[" + std::to_string(i) + ']';
    WebhookEvent event = build_webhook_event(events->items[i], where);
    if (!event.name.empty() &&
        std::ranges::find(webhook.events, event.name, &WebhookEvent::name) != webhook.events.end())
      diagnostics_.add(events->items[i], where + ".name", "event '" + event.name + "' is defined twice here");
    webhook.events.push_back(std::move(event));
  }
  return webhook;
}

void Builder::build_verification(const Node& node, const std::string& path, Webhook& webhook) {
  if (!check_fields(node, kVerifyFields, path, diagnostics_)) return;
  const std::string strategy = node.text("strategy");
  if (const auto known = enum_from_name<Verification>(strategy)) {
    webhook.verification = *known;
  } else {
    diagnostics_.add(*node.find("strategy"), path + ".strategy",
                     "unknown strategy '" + strategy + "'" + did_you_mean(strategy, EnumNames<Verification>::kNames));
  }
  if (const Node* secret = node.find("secret")) {
    webhook.secret = scalar_text(*secret);
    check_templates(*secret, path + ".secret", diagnostics_, uses_);
  }
  webhook.header = node.text("header");
  if (node.find("skew") != nullptr) webhook.skew_ms = duration_of(node, "skew");
  if (webhook.verification != Verification::none && webhook.secret.empty())
    diagnostics_.add(node, path, "the strategy '" + strategy + "' needs 'secret'");
  if (webhook.verification == Verification::hmac && webhook.header.empty())
    diagnostics_.add(node, path, "the strategy 'hmac' needs 'header', which holds the signature");
}

WebhookEvent Builder::build_webhook_event(const Node& node, const std::string& path) {
  WebhookEvent event;
  if (!check_fields(node, kWebhookEventFields, path, diagnostics_)) return event;
  event.name = node.text("name");
  if (const Node* filter = node.find("filter")) {
    event.filter = scalar_text(*filter);
    constexpr std::array<std::string_view, 3> kNames{"payload", "headers", "query"};
    auto compiled = expression::Cel::compile(event.filter, kNames);
    if (!compiled) diagnostics_.add_inside(*filter, path + ".filter", std::move(compiled).error());
  }
  if (const Node* input = node.find("input")) {
    check_templates(*input, path + ".input", diagnostics_, uses_);
    event.input = input->json();
  }
  event.schema = schema_of(node, "schema", path);
  return event;
}

void Builder::build_schedule(const Node& node) {
  if (!check_fields(node, kScheduleFields, "schedule", diagnostics_)) return;
  Schedule schedule;
  const auto refuse = [&](std::string_view field, Error error) {
    diagnostics_.add_inside(*node.find(field), "schedule." + std::string(field), std::move(error));
  };
  if (node.find("cron") != nullptr) {
    schedule.cron = scalar_text(*node.find("cron"));
    if (auto cron = Cron::parse(schedule.cron); !cron) refuse("cron", std::move(cron).error());
  }
  if (node.find("timezone") != nullptr) {
    schedule.timezone = node.text("timezone");
    if (!is_time_zone(schedule.timezone)) {
      diagnostics_.add(*node.find("timezone"), "schedule.timezone",
                       "unknown time zone '" + schedule.timezone + "'; expected a name such as 'Europe/Berlin'");
    }
  }
  schedule.enabled = node.json("enabled").bool_or(true);
  schedule.jitter_ms = duration_of(node, "jitter");
  if (node.find("catch_up_window") != nullptr) schedule.catch_up_ms = duration_of(node, "catch_up_window");
  const std::string overlap = node.text("overlap_policy");
  if (const auto policy = enum_from_name<Overlap>(overlap)) {
    schedule.overlap = *policy;
  } else if (!overlap.empty()) {
    diagnostics_.add(*node.find("overlap_policy"), "schedule.overlap_policy",
                     "unknown policy '" + overlap + "'" + did_you_mean(overlap, EnumNames<Overlap>::kNames));
  }
  for (auto [field, target] : {std::pair{"start_at", &schedule.start_ms}, std::pair{"end_at", &schedule.end_ms}}) {
    if (node.find(field) == nullptr) continue;
    auto at = parse_instant_ms(node.text(field));
    if (at) {
      *target = *at;
    } else {
      refuse(field, std::move(at).error());
    }
  }
  if (schedule.end_ms != 0 && schedule.end_ms <= schedule.start_ms)
    diagnostics_.add(*node.find("end_at"), "schedule.end_at", "is not after 'start_at': nothing would ever be due");
  const Node* input = node.find("input");
  schedule.input = input != nullptr ? input->json() : json::Value::object();
  if (!workflow_.input_schema.is_null()) {
    if (auto schema = json::Schema::compile(workflow_.input_schema)) {
      if (auto fits = schema->check(schema->with_defaults(schedule.input)); !fits)
        diagnostics_.add_inside(input != nullptr ? *input : node, "schedule.input", std::move(fits).error());
    }
  }
  workflow_.schedule = std::move(schedule);
}

}  // namespace compozy::project

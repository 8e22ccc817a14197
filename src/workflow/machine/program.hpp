// SPDX-License-Identifier: Apache-2.0
//
// Program: a pinned definition made ready to run: tasks found by path, schemas compiled once.
//
// Shared by every run of the definition. Immutable after load. Thread: any.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "json/schema.hpp"
#include "project/definition.hpp"

namespace compozy::workflow {

class Program {
 public:
  // `host_env`: what `.env` holds beneath the workflow's own env, a map of names to SecretRefs; or null.
  static Result<std::shared_ptr<const Program>> load(project::Workflow workflow, json::Value host_env = {});

  const project::Workflow& workflow() const { return workflow_; }
  const std::string& hash() const { return hash_; }
  const std::string& text() const { return text_; }  // the definition as JSON, as it is stored
  const json::Value& host_env() const { return host_env_; }

  bool containers_have_env() const { return containers_have_env_; }
  // Whether an expression may ask for `._collection_item` and its kin: only then are they there.
  bool names_collection() const { return names_collection_; }

  // The task that a path names, or null. In a collection every child is the one template; in a wait, its processor.
  const project::Task* find_task(std::string_view path) const;

  // Compiled form of a schema that stands in this definition; null when that schema is null.
  const json::Schema* schema(const json::Value& document) const;

  // The run's input with defaults filled in. Errc::validation_failed when it breaks the input schema.
  Result<json::Value> check_input(const json::Value& input) const;

 private:
  Program(project::Workflow workflow, json::Value host_env)
      : workflow_(std::move(workflow)), host_env_(std::move(host_env)) {}
  Result<void> compile(const json::Value& document, const std::string& where);
  Result<void> compile_task(const project::Task& task);

  project::Workflow workflow_;
  json::Value host_env_;
  std::string hash_;
  std::string text_;
  bool containers_have_env_ = false;
  bool names_collection_ = false;
  std::unordered_map<const void*, json::Schema> schemas_;  // by the address of the document in workflow_
};

}  // namespace compozy::workflow

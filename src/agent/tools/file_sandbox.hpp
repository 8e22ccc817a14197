// SPDX-License-Identifier: Apache-2.0
//
// Files below one folder, for the built-in tools. Paths are walked name by name without following symbolic links, so
// neither ".." nor a link, nor one that is put there meanwhile, leads out. Blocking: call it on the blocking pool.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace compozy::agent {

struct FileEntry {
  std::string path;  // relative to the folder that was listed
  std::string type;  // "file", "dir", "link", "other"
  int64_t size = 0;
};

class FileSandbox {
 public:
  explicit FileSandbox(std::string root) : root_(std::move(root)) {}

  // At most bytes_max from the start; `size` is the whole size.
  struct Content {
    std::string bytes;
    int64_t size = 0;
  };
  Result<Content> read(std::string_view path, size_t bytes_max) const;
  Result<void> write(std::string_view path, std::string_view content, bool append) const;  // makes missing folders
  Result<std::vector<FileEntry>> list(std::string_view path) const;                        // one folder, sorted

  // All regular files below, sorted, hidden folders and node_modules left out. Errc::limit_exceeded beyond files_max.
  Result<std::vector<FileEntry>> walk(std::string_view path, size_t files_max) const;

 private:
  Result<int> open_folder(std::string_view path, bool create) const;  // the caller closes it
  std::string root_;
};

}  // namespace compozy::agent

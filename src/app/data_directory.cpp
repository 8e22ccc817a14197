// SPDX-License-Identifier: Apache-2.0
#include "app/data_directory.hpp"

namespace compozy::app {

Result<DataDirectory> DataDirectory::open(const std::string& path) {
  constexpr mode_t kOwnerOnly = 0700;
  TRY(io::make_directories(path, kOwnerOnly));
  TRY(io::DirectoryLock lock, io::DirectoryLock::acquire(path));
  return DataDirectory(path, std::move(lock));
}

}  // namespace compozy::app

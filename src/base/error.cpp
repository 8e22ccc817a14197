// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <cerrno>
#include <system_error>

namespace compozy {

std::string Location::to_string() const {
  std::string text = file;
  if (line != 0) {
    if (!text.empty()) text += ':';
    text += std::to_string(line);
    if (column != 0) text += ':' + std::to_string(column);
  }
  return text;
}

std::string Error::to_string() const {
  std::string text;
  if (where.known()) text += where.to_string() + ": ";
  if (!field.empty()) text += field + ": ";
  return text + message;
}

Error&& Error::at(Location location) && {
  where = std::move(location);
  return std::move(*this);
}

Error&& Error::in_field(std::string_view name) && {
  if (field.empty()) {
    field = name;
  } else if (field.starts_with('[')) {
    field = std::string(name) + field;
  } else {
    field = std::string(name) + '.' + field;
  }
  return std::move(*this);
}

Error&& Error::with_context(std::string_view context) && {
  message = std::string(context) + ": " + message;
  return std::move(*this);
}

Error system_error(std::string_view operation, std::string_view subject, int errno_value) {
  Errc code = Errc::io_error;
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT: code = Errc::storage_full; break;
    case EMFILE:
    case ENFILE: code = Errc::limit_exceeded; break;
    case EADDRINUSE: code = Errc::address_in_use; break;
    case ENOENT: code = Errc::not_found; break;
    case EACCES:
    case EPERM:
    case EROFS: code = Errc::permission_denied; break;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH: code = Errc::unavailable; break;
    case EPIPE:
    case ECONNRESET: code = Errc::closed; break;
    case ETIMEDOUT: code = Errc::timeout; break;
    default: break;
  }
  std::string message(operation);
  if (!subject.empty()) message += " '" + std::string(subject) + "'";
  message += ": " + std::generic_category().message(errno_value);
  return Error{.code = code, .message = std::move(message)};
}

}  // namespace compozy

# Debian 12 packages only; nothing is vendored and CMake downloads nothing. tools/packages.txt names the packages,
# docs/adr/0002-dependencies.md says why each is here and what it costs.
# Everything with an archive is linked statically, so that the shipped binary needs little beyond glibc.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(archive NAME)
  cmake_parse_arguments(A "" "HEADER" "LIBRARIES;DEFINES" ${ARGN})
  add_library(${NAME} INTERFACE)
  if(A_HEADER)
    find_path(${NAME}_include ${A_HEADER} PATH_SUFFIXES lua5.1 REQUIRED)
    target_include_directories(${NAME} SYSTEM INTERFACE ${${NAME}_include})
  endif()
  foreach(library IN LISTS A_LIBRARIES)
    if(library MATCHES "^-")
      target_link_libraries(${NAME} INTERFACE ${library})
    else()
      find_library(${NAME}_${library} NAMES lib${library}.a REQUIRED)
      target_link_libraries(${NAME} INTERFACE ${${NAME}_${library}})
    endif()
  endforeach()
  target_compile_definitions(${NAME} INTERFACE ${A_DEFINES})
endfunction()

archive(dep_boost_json HEADER boost/json.hpp LIBRARIES boost_json boost_container)
archive(dep_asio HEADER boost/asio.hpp LIBRARIES ssl crypto
  DEFINES BOOST_ASIO_NO_DEPRECATED)
archive(dep_openssl HEADER openssl/ssl.h LIBRARIES ssl crypto)
archive(dep_yaml HEADER yaml-cpp/yaml.h LIBRARIES yaml-cpp)
archive(dep_sqlite HEADER sqlite3.h LIBRARIES sqlite3 -lm -ldl)
archive(dep_lua HEADER lua.h LIBRARIES lua5.1 lua5.1-cjson lua5.1-bitop -lm -ldl)
archive(dep_re2 HEADER re2/re2.h LIBRARIES re2)
archive(dep_sodium HEADER sodium.h LIBRARIES sodium)
archive(dep_cli11 HEADER CLI/CLI.hpp)
archive(dep_fmt HEADER fmt/core.h DEFINES FMT_HEADER_ONLY)
archive(dep_spdlog HEADER spdlog/spdlog.h DEFINES SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
archive(dep_jemalloc HEADER jemalloc/jemalloc.h LIBRARIES jemalloc -ldl)

# The time zones of Abseil, as archives: its CMake package links the shared objects.
archive(dep_absl_time HEADER absl/time/time.h LIBRARIES
  absl_time absl_time_zone absl_civil_time absl_strings absl_strings_internal absl_int128 absl_base absl_spinlock_wait
  absl_throw_delegate absl_raw_logging_internal absl_log_severity)

option(COMPOZY_TESTS "Build the unit tests" ON)
if(COMPOZY_TESTS)
  enable_testing()
  add_custom_target(compozy_unit_tests)  # every module's test binary; module() adds to it
  add_library(compozy_gtest INTERFACE)
  find_library(gtest_archive NAMES libgtest.a REQUIRED)
  find_library(gmock_archive NAMES libgmock.a REQUIRED)
  find_library(gmock_main_archive NAMES libgmock_main.a REQUIRED)
  target_link_libraries(compozy_gtest INTERFACE
    ${gmock_main_archive} ${gmock_archive} ${gtest_archive} Threads::Threads)
endif()

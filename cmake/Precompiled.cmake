# Headers that are compiled once for all: GoogleTest's for the tests, the standard library's for the modules.
#
# precompiled(TARGET tests|modules) uses them. A file must still include what it uses: the mode dev, with which
# `./dev check` compiles every file, precompiles GoogleTest alone.

function(precompile NAME)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompile_${NAME}.cpp CONTENT "// Only its precompiled header counts.\n")
  add_library(compozy_pch_${NAME} OBJECT ${CMAKE_BINARY_DIR}/precompile_${NAME}.cpp)
  # Without the time in it the header is the same each time it is built, so that ccache knows what was made with it.
  target_compile_options(compozy_pch_${NAME} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(compozy_pch_${NAME} PRIVATE ${ARGN})
endfunction()

function(precompiled TARGET NAME)
  if(TARGET compozy_pch_${NAME})
    target_compile_options(${TARGET} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${TARGET} REUSE_FROM compozy_pch_${NAME})
  endif()
endfunction()

if(COMPOZY_TESTS)
  precompile(tests <gmock/gmock.h> <gtest/gtest.h>)
endif()
if(NOT COMPOZY_MODE STREQUAL "dev")
  precompile(modules
    <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstring> <deque> <expected> <functional> <limits>
    <map> <memory> <mutex> <optional> <set> <span> <stop_token> <string> <string_view> <unordered_map> <utility>
    <variant> <vector>)
endif()

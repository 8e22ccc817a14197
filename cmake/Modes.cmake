# One build mode per preset. Every mode keeps asserts: a broken invariant stops the process, in release too.
#
#   dev      -O0, line tables                    each save
#   asan     dev + address, undefined, leak      unit tests
#   tsan     dev + thread                        drivers
#   fuzz     -O1 + libFuzzer + address           fuzzers
#   release  -O2, sections collected, stripped   what ships, whole-system tests, bench

set(COMPOZY_MODE "dev" CACHE STRING "dev, asan, tsan, fuzz or release")
set_property(CACHE COMPOZY_MODE PROPERTY STRINGS dev asan tsan fuzz release)

add_compile_options(-fPIE -fno-omit-frame-pointer -ffunction-sections -fdata-sections)
add_link_options(-fuse-ld=lld -pie)

if(COMPOZY_MODE STREQUAL "dev")
  add_compile_options(-O0 -gline-tables-only)
elseif(COMPOZY_MODE STREQUAL "asan")
  add_compile_options(-O0 -gline-tables-only -fsanitize=address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(COMPOZY_MODE STREQUAL "tsan")
  add_compile_options(-O1 -gline-tables-only -fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(COMPOZY_MODE STREQUAL "fuzz")
  add_compile_options(-O1 -gline-tables-only -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(COMPOZY_MODE STREQUAL "release")
  add_compile_options(-O2)
  # No --exclude-libs: it would hide jemalloc's malloc from libc, and what libc allocates (getcwd) would be freed by jemalloc.
  add_link_options(-Wl,--gc-sections -Wl,--strip-all -static-libstdc++ -static-libgcc)
else()
  message(FATAL_ERROR "COMPOZY_MODE is '${COMPOZY_MODE}': expected dev, asan, tsan, fuzz or release")
endif()

# What our own code must be free of. Third-party headers are SYSTEM and not judged.
add_library(compozy_warnings INTERFACE)
target_compile_options(compozy_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wold-style-cast -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Wno-missing-designated-field-initializers -Werror)

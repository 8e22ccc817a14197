# module(NAME SOURCES … HEADERS … USES … [THIRD_PARTY …] [TESTS …])
#
# One folder under src/ is one module, and src/CMakeLists.txt lists the modules from the bottom layer to the top.
# USES names other modules by folder ("redis/keyspace"); a module that is not defined yet cannot be used, so the order
# of that list *is* the layer order. tools/layers.py compares every #include with USES: undeclared and unused edges fail.
# THIRD_PARTY targets are PRIVATE: their headers may appear in .cpp files, and in .hpp files only where the module's
# README line in src/README.md says so.
# TESTS are <subject>_test.cpp files beside the sources; they form one GoogleTest binary per module.
# TEST_USES names further modules that the tests alone may use; like USES, they must be defined already.
# TEST_ONLY marks a module that only tests link.

function(module_target NAME OUT)
  string(REPLACE "/" "_" flat "${NAME}")
  set(${OUT} "compozy_${flat}" PARENT_SCOPE)
endfunction()

function(module NAME)
  cmake_parse_arguments(M "TEST_ONLY" "" "SOURCES;HEADERS;USES;THIRD_PARTY;TESTS;TEST_USES" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "module(${NAME}): unknown arguments ${M_UNPARSED_ARGUMENTS}")
  endif()
  module_target(${NAME} target)
  set(dir "${PROJECT_SOURCE_DIR}/src/${NAME}")

  set(uses "")
  foreach(used IN LISTS M_USES M_TEST_USES)
    module_target(${used} used_target)
    if(NOT TARGET ${used_target})
      message(FATAL_ERROR "module(${NAME}) uses '${used}', which is not defined above it in src/CMakeLists.txt")
    endif()
  endforeach()
  foreach(used IN LISTS M_USES)
    module_target(${used} used_target)
    list(APPEND uses ${used_target})
  endforeach()

  set(files ${M_SOURCES} ${M_HEADERS})
  list(TRANSFORM files PREPEND "${dir}/")
  if(M_SOURCES)
    add_library(${target} STATIC ${files})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PUBLIC ${uses} PRIVATE compozy_warnings ${M_THIRD_PARTY})
    precompiled(${target} modules)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} INTERFACE ${uses})
  endif()
  set_property(GLOBAL APPEND PROPERTY COMPOZY_MODULES ${NAME})

  if(M_TESTS AND COMPOZY_TESTS)
    list(TRANSFORM M_TESTS PREPEND "${dir}/")
    set(test_uses "")
    foreach(used IN LISTS M_TEST_USES)
      module_target(${used} used_target)
      list(APPEND test_uses ${used_target})
    endforeach()
    add_executable(${target}_test ${M_TESTS})
    target_link_libraries(${target}_test PRIVATE
      ${target} ${test_uses} ${M_THIRD_PARTY} compozy_warnings compozy_gtest)
    precompiled(${target}_test tests)
    add_dependencies(compozy_unit_tests ${target}_test)
    add_test(NAME ${NAME} COMMAND ${target}_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 300 LABELS unit)
  endif()
endfunction()

# Standard headers that most files include, parsed once for all files instead of once for each. GCC maps the whole
# precompiled header for every file: what few files need (<iostream>, <filesystem>, <regex>) would cost the others more
# than it saves. None of these headers belongs to this project, so no change compiles everything again.
#
# Each file still includes what it uses: the presets with clang compile without, and so does every build through ccache,
# which cannot keep what was compiled with precompiled headers.
set(panda_common_headers
  algorithm array bit cstdint cstring functional map memory optional set span string string_view unordered_map utility
  variant vector)
set(panda_test_headers
  catch2/catch_test_macros.hpp catch2/generators/catch_generators.hpp catch2/generators/catch_generators_range.hpp
  catch2/matchers/catch_matchers_exception.hpp catch2/matchers/catch_matchers_string.hpp)

# The target NAME, which is there for its precompiled header alone.
function(panda_precompiled name)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE panda_options)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:<\\1$<ANGLE-R>>")
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

# Everything that is compiled in this directory and those below, by the flags that it has: GCC takes a precompiled header
# only where -fPIC and -fPIE are as they were.
function(panda_use_precompiled directory)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target ${targets})
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if(type STREQUAL "EXECUTABLE" AND "Catch2::Catch2WithMain" IN_LIST libraries)
      target_precompile_headers(${target} REUSE_FROM panda_precompiled_tests)
    elseif(type MATCHES "EXECUTABLE|STATIC_LIBRARY")
      target_precompile_headers(${target} REUSE_FROM panda_precompiled_common)
    endif()
  endforeach()
  get_property(subdirectories DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(subdirectory ${subdirectories})
    panda_use_precompiled(${subdirectory})
  endforeach()
endfunction()

if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES ccache)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()
if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
  panda_precompiled(panda_precompiled_common ${panda_common_headers})
  if(PANDA_BUILD_TESTS)
    panda_precompiled(panda_precompiled_tests ${panda_common_headers} ${panda_test_headers})
    target_link_libraries(panda_precompiled_tests PRIVATE Catch2::Catch2)
  endif()
  panda_use_precompiled(${CMAKE_SOURCE_DIR})
endif()

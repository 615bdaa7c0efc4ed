# The outside libraries, and remex_room(): one static library per folder.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS context unit_test_framework)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PSL REQUIRED IMPORTED_TARGET libpsl)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)

# Debian's libunbound.pc asks for libevent, which is needed for its event interface only; we do not use that.
find_library(UNBOUND_LIBRARY unbound REQUIRED)
find_path(UNBOUND_INCLUDE_DIR unbound.h REQUIRED)
add_library(PkgConfig::UNBOUND UNKNOWN IMPORTED)
set_target_properties(PkgConfig::UNBOUND PROPERTIES IMPORTED_LOCATION ${UNBOUND_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${UNBOUND_INCLUDE_DIR})

# Libraries that many commands never use are opened at the first call into them (core/base/late_library.h): NAME, the name to link
# with, the source that has to know what the library's file is called.
set(REMEX_LATE_LIBRARIES GNUTLS gnutls core/io/gnutls UNBOUND unbound core/dns/unbound SQLITE3 sqlite3 core/io/sqlite_api
    IDN2 idn2 core/mail/idn2_api PSL psl core/msgauth/psl_api NETTLE nettle core/base/nettle_api CRYPT crypt core/base/crypt_api)
while(REMEX_LATE_LIBRARIES)
  list(POP_FRONT REMEX_LATE_LIBRARIES late late_link late_source)
  find_library(late_path ${late_link} REQUIRED)
  get_filename_component(late_real ${late_path} REALPATH)
  get_filename_component(late_name ${late_real} NAME)
  string(REGEX MATCH "^.*\\.so\\.[0-9]+" late_soname ${late_name})
  set(REMEX_${late}_SONAME ${late_soname})
  set_source_files_properties(${CMAKE_SOURCE_DIR}/${late_source}.cc PROPERTIES
    COMPILE_DEFINITIONS REMEX_${late}_SONAME="${late_soname}")
  unset(late_path CACHE)
  unset(late_path)
endwhile()

if(REMEX_TEST_HOOKS)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/core/hooks/hooks.cc PROPERTIES COMPILE_DEFINITIONS REMEX_TEST_HOOKS)
endif()

# The headers of others that most sources read, compiled once: a quarter of the time of a clean build. Nothing of the project is
# among them, and every header must still compile alone (target "headers"). g++ only: clang's tools read the sources as they are.
set(REMEX_PRECOMPILED_HEADERS <algorithm> <array> <cstdint> <cstring> <functional> <map> <memory> <optional> <span> <string>
    <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
set(REMEX_PRECOMPILE OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(REMEX_PRECOMPILE ON)
endif()

# remex_precompiled(target owner [LIKE libraries...] [HEADERS headers...]): the target reads the owner's precompiled headers. The
# first target that asks makes the owner: the list above and HEADERS, compiled with the definitions of the libraries LIKE.
function(remex_precompiled target owner)
  cmake_parse_arguments(ARG "" "" "LIKE;HEADERS" ${ARGN})
  if(NOT REMEX_PRECOMPILE)
    return()
  endif()
  if(NOT TARGET ${owner})
    set(source ${CMAKE_BINARY_DIR}/generated/${owner}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "// Carries the precompiled headers.\n")
    add_library(${owner} OBJECT ${source})
    target_link_libraries(${owner} PRIVATE ${ARG_LIKE})
    target_precompile_headers(${owner} PRIVATE ${REMEX_PRECOMPILED_HEADERS} ${ARG_HEADERS})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

# remex_room(folder [USES rooms...] [LIBS targets...]): library remex_<folder> of every .cc below the folder
# (main.cc and *.module.cc excepted).
function(remex_room folder)
  cmake_parse_arguments(ARG "" "" "USES;LIBS" ${ARGN})
  string(REPLACE "/" "_" name remex_${folder})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "(/main\\.cc|\\.module\\.cc)$")
  get_property(generated GLOBAL PROPERTY remex_generated_${name})
  if(NOT sources AND NOT generated)
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(${name} STATIC ${sources} ${generated})
    set(scope PUBLIC)
    remex_precompiled(${name} remex_headers LIKE fmt::fmt)
  endif()
  foreach(used ${ARG_USES})
    string(REPLACE "/" "_" dep remex_${used})
    target_link_libraries(${name} ${scope} ${dep})
  endforeach()
  target_link_libraries(${name} ${scope} ${ARG_LIBS})
endfunction()

# remex_static_runtime(target): the C++ library, and what would load the shared one all the same (Boost.Context; for fmt see
# core/cli/formatting_library.cc), become part of the command. Installed builds only: others link faster without.
option(REMEX_STATIC_RUNTIME "Link the C++ library into the command" ON)
find_library(BOOST_CONTEXT_ARCHIVE libboost_context.a)
mark_as_advanced(BOOST_CONTEXT_ARCHIVE)
function(remex_static_runtime target)
  if(NOT REMEX_STATIC_RUNTIME OR REMEX_SANITIZE OR NOT CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR
     NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR NOT BOOST_CONTEXT_ARCHIVE)
    return()
  endif()
  target_link_libraries(${target} PRIVATE ${BOOST_CONTEXT_ARCHIVE})
  target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc -Wl,-u,jump_fcontext -Wl,-u,make_fcontext)
endfunction()

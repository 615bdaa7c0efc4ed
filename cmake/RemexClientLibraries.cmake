# Client libraries of the database lookups, and libcurl, which fetches MTA-STS policies. remex does not link them: start-up of every mode would pay for them. The
# headers are needed to compile a type; the library is opened with dlopen at the first lookup of that type, by the
# soname found here. A type whose header is missing is refused when a configuration names it, and -bV lists it.
#
# remex_client_library(NAME library header [ROOM room] [PATH_SUFFIXES ...]) defines, for the room (`lookups`),
# REMEX_LIB_<NAME>="libx.so.5" and adds the header's folder.
find_program(OBJDUMP objdump)

function(remex_client_library name library header)
  cmake_parse_arguments(ARG "" "ROOM" "PATH_SUFFIXES" ${ARGN})
  if(NOT ARG_ROOM)
    set(ARG_ROOM lookups)
  endif()
  find_library(REMEX_${name}_LIBRARY ${library})
  find_path(REMEX_${name}_INCLUDE ${header} PATH_SUFFIXES ${ARG_PATH_SUFFIXES})
  mark_as_advanced(REMEX_${name}_LIBRARY REMEX_${name}_INCLUDE)
  if(NOT REMEX_${name}_LIBRARY OR NOT REMEX_${name}_INCLUDE OR NOT OBJDUMP)
    message(STATUS "${ARG_ROOM}: no ${library}, what needs it is left out")
    return()
  endif()
  execute_process(COMMAND ${OBJDUMP} -p ${REMEX_${name}_LIBRARY} OUTPUT_VARIABLE dump ERROR_QUIET)
  if(NOT dump MATCHES "SONAME +([^ \n]+)")
    message(STATUS "${ARG_ROOM}: ${REMEX_${name}_LIBRARY} has no soname, what needs it is left out")
    return()
  endif()
  target_compile_definitions(remex_${ARG_ROOM} PRIVATE REMEX_LIB_${name}="${CMAKE_MATCH_1}")
  target_include_directories(remex_${ARG_ROOM} SYSTEM PRIVATE ${REMEX_${name}_INCLUDE})
endfunction()

remex_client_library(DB db-5.3 db.h)
remex_client_library(LMDB lmdb lmdb.h)
remex_client_library(PQ pq libpq-fe.h PATH_SUFFIXES postgresql)
remex_client_library(MARIADB mariadb mysql.h PATH_SUFFIXES mariadb)
remex_client_library(LDAP ldap ldap.h)
remex_client_library(CURL curl-gnutls curl/curl.h ROOM transports)

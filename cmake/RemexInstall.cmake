# What `cmake --install` puts where. The layout is Debian's with -DCMAKE_INSTALL_PREFIX=/usr; DESTDIR works as usual.
#   sbin/remex                       the command
#   share/man/man8, share/bash-completion, share/doc/remex (samples, reference, differences)
#   lib/systemd/system, lib/sysusers.d, lib/tmpfiles.d, and /etc/logrotate.d
# REMEX_SENDMAIL_LINKS=ON adds sbin/sendmail, bin/mailq and bin/newaliases: for a host whose mail system this is.
include(GNUInstallDirs)
if(REMEX_TEST_HOOKS)
  install(CODE "message(FATAL_ERROR \"A build with REMEX_TEST_HOOKS gives its rights to any caller: it is not installed.\")")
endif()
option(REMEX_SENDMAIL_LINKS "Install the names sendmail, mailq and newaliases" OFF)

file(STRINGS ${CMAKE_SOURCE_DIR}/core/base/version.h version_line REGEX "define REMEX_VERSION")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" REMEX_VERSION "${version_line}")

set(out ${CMAKE_BINARY_DIR}/generated/packaging)
configure_file(${CMAKE_SOURCE_DIR}/packaging/remex.service.in ${out}/remex.service @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/packaging/remex.8.in ${out}/remex.8 @ONLY)

set(packaging ${CMAKE_SOURCE_DIR}/packaging)
# systemd looks below /usr/lib (or /usr/local/lib), whatever the library directory of the machine is called.
install(TARGETS remex RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES ${out}/remex.service DESTINATION lib/systemd/system)
install(FILES ${packaging}/remex.sysusers.conf DESTINATION lib/sysusers.d RENAME remex.conf)
install(FILES ${packaging}/remex.tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME remex.conf)
install(FILES ${packaging}/remex.logrotate DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/logrotate.d RENAME remex)
install(FILES ${out}/remex.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${packaging}/remex.bash-completion DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME remex)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/sample-configs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md"
        PATTERN decisions EXCLUDE)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/CHANGELOG.md ${CMAKE_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR})

option(REMEX_EXIM_TOOLS "Install the names exim_dumpdb, exim_msgdate, exinext, exim_lock, exim_dbmbuild, exiwhat, exiqgrep, exigrep and exim_id_update" OFF)
set(links)
if(REMEX_SENDMAIL_LINKS)
  list(APPEND links "${CMAKE_INSTALL_SBINDIR}/sendmail:remex" "${CMAKE_INSTALL_BINDIR}/mailq:../${CMAKE_INSTALL_SBINDIR}/remex"
       "${CMAKE_INSTALL_BINDIR}/newaliases:../${CMAKE_INSTALL_SBINDIR}/remex")
endif()
set(tools exiwhat exiqgrep exigrep exim_dumpdb exim_msgdate exinext exim_lock exim_dbmbuild exim_id_update)
if(REMEX_TEST_HOOKS)  # a harness looks for them beside the command
  foreach(tool ${tools})
    add_custom_command(TARGET remex POST_BUILD COMMAND ${CMAKE_COMMAND} -E create_symlink remex ${CMAKE_BINARY_DIR}/${tool})
  endforeach()
endif()
if(REMEX_EXIM_TOOLS)
  foreach(tool ${tools})
    list(APPEND links "${CMAKE_INSTALL_SBINDIR}/${tool}:remex")
  endforeach()
endif()
foreach(link ${links})
  string(REPLACE ":" ";" pair ${link})
  list(GET pair 0 name)
  list(GET pair 1 target)
  install(CODE "
    set(link \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${name}\")
    get_filename_component(folder \"\${link}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${folder}\")
    file(CREATE_LINK ${target} \"\${link}\" SYMBOLIC)
    message(STATUS \"Installing: \${link} -> ${target}\")")
endforeach()

# What `cmake --install` puts where. The layout is Debian's with -DCMAKE_INSTALL_PREFIX=/usr; DESTDIR works as usual.
#   sbin/remex                       the command
#   share/man/man8, share/bash-completion, share/doc/remex (samples, reference, differences)
#   lib/systemd/system, lib/sysusers.d, lib/tmpfiles.d, and /etc/logrotate.d
# REMEX_SENDMAIL_LINKS=ON adds sbin/sendmail, bin/mailq and bin/newaliases: for a host whose mail system this is.
include(GNUInstallDirs)
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

if(REMEX_SENDMAIL_LINKS)
  foreach(link "${CMAKE_INSTALL_SBINDIR}/sendmail:remex" "${CMAKE_INSTALL_BINDIR}/mailq:../${CMAKE_INSTALL_SBINDIR}/remex"
          "${CMAKE_INSTALL_BINDIR}/newaliases:../${CMAKE_INSTALL_SBINDIR}/remex")
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
endif()

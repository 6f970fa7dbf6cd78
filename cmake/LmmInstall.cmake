# SPDX-License-Identifier: MIT
#
# Headers, libraries, documents, the CMake package and lmm.pc. The package and lmm.pc find the other files relative
# to themselves, so an installed tree can be moved.
include(CMakePackageConfigHelpers)

set(lmm_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/lmm")

install(TARGETS lmm lmm_static EXPORT lmm-targets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY include/lmm DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES include/mems.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES LICENSE CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
# Headers and manual pages name the documents.
install(DIRECTORY docs/ DESTINATION "${CMAKE_INSTALL_DOCDIR}"
        FILES_MATCHING PATTERN "*.md" PATTERN "*.schema.json" PATTERN "man" EXCLUDE)
install(DIRECTORY contrib DESTINATION "${CMAKE_INSTALL_DOCDIR}") # docs/fleet.md
install(EXPORT lmm-targets NAMESPACE lmm:: DESTINATION "${lmm_package_dir}")

configure_package_config_file(cmake/lmm-config.cmake.in lmm-config.cmake
                              INSTALL_DESTINATION "${lmm_package_dir}")
write_basic_package_version_file(lmm-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/lmm-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/lmm-config-version.cmake"
        DESTINATION "${lmm_package_dir}")

# A private folder: no program links with the drop-in and the modules of `lmm`, which finds them relative to itself.
foreach(target IN ITEMS lmm_preload lmm_capstone lmm_server)
    if(TARGET ${target})
        install(TARGETS ${target} LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/lmm")
    endif()
endforeach()

# The program is not built as a part of another project.
if(TARGET lmm_command)
    install(TARGETS lmm_command RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    install(FILES reporter/program/cmd/lmm.bash
            DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME lmm)
endif()

# lmm.pc names folders relative to itself, unless they are absolute.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(lmm_pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(lmm_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
    file(RELATIVE_PATH lmm_pc_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" lmm_pc_up "${lmm_pc_up}")
    set(lmm_pc_prefix "\${pcfiledir}/${lmm_pc_up}")
    set(lmm_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(lmm_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
    set(lmm_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/lmm.pc.in lmm.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/lmm.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

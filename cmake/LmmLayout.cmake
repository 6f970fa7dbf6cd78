# SPDX-License-Identifier: MIT
#
# lmm_use_layout(TARGET LIST): links a shared library so that a process has fewer of its pages in memory. The kernel makes
# 64 KiB of a file resident at a time, so what processes need must be together:
#
# - .text begins with the functions that LIST names;
# - .rodata stands beside the tables that the dynamic loader reads, and not beside .eh_frame, which few processes read;
# - the variables that LIST names, large tables of which little is touched, are apart from the others;
# - segments begin at multiples of 64 KiB.
#
# It does so by a changed copy of GNU ld's own script. With another linker, or a script of another form, nothing changes.
include(CheckCSourceCompiles)

# The linker's own script for shared libraries, with @RODATA@, @TEXT@ and @SPARSE@ where something is to be added; empty: it
# has none, or one of another form.
function(lmm_linker_script ret_script)
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-prog-name=ld
        OUTPUT_VARIABLE linker OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND ${linker} -shared -z separate-code --verbose OUTPUT_VARIABLE script ERROR_QUIET)
    string(REGEX REPLACE "^.*\n=+\n(.*)\n=+\n.*$" "\\1" script "${script}")
    string(REGEX REPLACE "\n  \\.rodata +:[^\n]*" "" script "${script}")
    string(REGEX REPLACE "(\n  \\.hash +:)" "\n@RODATA@\\1" script "${script}")
    string(REGEX REPLACE "(\n  \\.text +:\n  {\n)" "\\1@TEXT@\n" script "${script}")
    string(REGEX REPLACE "(\n  \\.bss +:\n)" "\n@SPARSE@\\1" script "${script}")
    if(NOT (script MATCHES "@RODATA@" AND script MATCHES "@TEXT@" AND script MATCHES "@SPARSE@"))
        set(script "")
    endif()
    set(${ret_script} "${script}" PARENT_SCOPE)
endfunction()

function(lmm_use_layout target list)
    lmm_linker_script(script)
    file(STRINGS "${list}" lines REGEX "^(function|sparse) ")
    set(TEXT "    *crtbegin*.o(.text) *libc_nonshared.a:(.text) *libgcc.a:(.text)\n")
    string(APPEND TEXT "    *(.text.startup .text.startup.* .text.exit .text.exit.*)\n")
    set(SPARSE "")
    foreach(line IN LISTS lines)
        if(line MATCHES "^function (.*)$")
            string(APPEND TEXT "    *(.text.${CMAKE_MATCH_1} .text.${CMAKE_MATCH_1}.*)\n")
        elseif(line MATCHES "^sparse (.*)$")
            string(APPEND SPARSE " .bss.${CMAKE_MATCH_1} .bss.${CMAKE_MATCH_1}.*")
        endif()
    endforeach()
    set(RODATA "  .rodata : { *(.rodata .rodata.* .gnu.linkonce.r.*) }")
    set(SPARSE "  .bss.sparse (NOLOAD) : { *(${SPARSE}) }")
    string(CONFIGURE "${script}" script @ONLY)
    set(file "${CMAKE_CURRENT_BINARY_DIR}/${target}.ld")
    set(written "")
    if(EXISTS "${file}")
        file(READ "${file}" written)
    endif()
    if(NOT written STREQUAL script) # a new file would link the library again
        file(WRITE "${file}" "${script}")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${list}")

    set(CMAKE_REQUIRED_FLAGS "-fPIC")
    set(CMAKE_REQUIRED_LINK_OPTIONS -shared "-Wl,-T,${file}")
    check_c_source_compiles("int value; int *get(void) { return &value; }" LMM_LINKER_HAS_LAYOUT)
    if(script AND LMM_LINKER_HAS_LAYOUT)
        target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
        target_link_options(${target} PRIVATE -ffunction-sections -fdata-sections "-Wl,-T,${file}"
            -Wl,-z,max-page-size=65536)
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${file}")
    endif()
endfunction()

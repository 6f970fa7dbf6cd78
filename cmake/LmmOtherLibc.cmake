# SPDX-License-Identifier: MIT
#
# A compiler for another C library than the system's (musl-gcc) looks only for that library's headers. Those of the
# kernel, of uthash and of Valgrind belong to no C library, but stand beside glibc's, which it must not see. So it gets
# a folder with links to these alone.
include(CheckIncludeFile)
check_include_file(linux/futex.h LMM_HAS_KERNEL_HEADERS)
if(LMM_HAS_KERNEL_HEADERS)
    return()
endif()

set(lmm_headers "${PROJECT_BINARY_DIR}/headers")
file(MAKE_DIRECTORY "${lmm_headers}")
include_directories(SYSTEM "${lmm_headers}")

function(lmm_link_header name file)
    find_path(LMM_FOLDER_OF_${name} "${file}" HINTS "/usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu" REQUIRED)
    mark_as_advanced(LMM_FOLDER_OF_${name})
    file(CREATE_LINK "${LMM_FOLDER_OF_${name}}/${name}" "${lmm_headers}/${name}" SYMBOLIC)
endfunction()

lmm_link_header(linux linux/futex.h)
lmm_link_header(asm asm/termbits.h)
lmm_link_header(asm-generic asm-generic/termbits.h)
file(CREATE_LINK "${LMM_UTHASH_INCLUDE_DIR}/uthash.h" "${lmm_headers}/uthash.h" SYMBOLIC)
set(LMM_UTHASH_INCLUDE_DIR "${lmm_headers}")
if(LMM_VALGRIND)
    file(CREATE_LINK "${LMM_MEMCHECK_INCLUDE_DIR}/valgrind" "${lmm_headers}/valgrind" SYMBOLIC)
endif()

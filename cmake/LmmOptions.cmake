# SPDX-License-Identifier: MIT
#
# Settings of every target: language, warnings, options and sanitizers.

option(LMM_VALIDATE "Internal checks and validity walkers" OFF)
option(LMM_ANALYZE "Add clang-tidy and cppcheck as tests" OFF)
option(LMM_TESTAPP "The example programs; the tests need them" ON)
option(LMM_BENCH "The programs of bench/; the tests need them" ON)
option(LMM_SERVER "lmm serve, which needs libmicrohttpd and SQLite" ON)
set(LMM_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize= (address,undefined or thread)")
set(LMM_PRESET "" CACHE STRING "Name of the preset, a second label of its tests")
set(LMM_TEST_LABELS "" CACHE STRING "Labels of the tests that this build runs; empty: all")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

set(CMAKE_C_STANDARD 17)
if(CMAKE_VERSION VERSION_LESS 3.21)
    set(CMAKE_C_STANDARD 11) # C17 is the same language; CMake does not know its name yet
endif()
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

find_path(LMM_UTHASH_INCLUDE_DIR uthash.h REQUIRED)
mark_as_advanced(LMM_UTHASH_INCLUDE_DIR)

option(LMM_VALGRIND "Tell Valgrind's memcheck about blocks, where its header is installed" ON)
find_path(LMM_MEMCHECK_INCLUDE_DIR valgrind/memcheck.h)
mark_as_advanced(LMM_MEMCHECK_INCLUDE_DIR)
if(NOT LMM_MEMCHECK_INCLUDE_DIR)
    set(LMM_VALGRIND OFF)
endif()

# The drop-in stands in the place of glibc's malloc, and lmm runs programs on it; the typed library needs neither.
include(CheckSymbolExists)
check_symbol_exists(__GLIBC__ features.h LMM_HAS_GLIBC)
if(NOT LMM_HAS_GLIBC)
    message(STATUS "the C library is not glibc: only the typed library is built, without the drop-in and lmm")
    include(LmmOtherLibc)
endif()

add_compile_definitions(_GNU_SOURCE LMM_VALIDATE=$<BOOL:${LMM_VALIDATE}>)

# Paths in reports and in panic lines start at the top of the source tree.
add_compile_options("-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")

add_compile_options(
    -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
    -Wwrite-strings -Wpointer-arith -Wformat=2 -Wimplicit-fallthrough)

# Processors with Intel's erratum SKX102 do not cache decoded code where a jump crosses or ends at a boundary of
# 32 bytes, which made allocation and free up to a quarter slower. The assembler can avoid such jumps.
include(CheckCCompilerFlag)
set(lmm_align_jumps "-Wa,-mbranches-within-32B-boundaries")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    check_c_compiler_flag("${lmm_align_jumps}" LMM_CAN_ALIGN_JUMPS)
    if(LMM_CAN_ALIGN_JUMPS)
        add_compile_options("${lmm_align_jumps}")
        add_link_options("${lmm_align_jumps}")    # for code that LTO compiles at link time
    endif()
endif()

if(LMM_SANITIZE)
    add_compile_options("-fsanitize=${LMM_SANITIZE}" -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${LMM_SANITIZE}")
    # No variables outside of the stack, which GCC 13 and later ask for: LMM's own threads are unknown to AddressSanitizer, and
    # roots are looked for on stacks.
    if(LMM_SANITIZE MATCHES "address")
        add_compile_options(
            "$<$<OR:$<C_COMPILER_ID:GNU>,$<CXX_COMPILER_ID:GNU>>:--param=asan-use-after-return=0>"
            "$<$<OR:$<C_COMPILER_ID:Clang>,$<CXX_COMPILER_ID:Clang>>:-fsanitize-address-use-after-return=never>")
    endif()
    # GCC warns that ThreadSanitizer ignores fences. That can only add reports of races, not hide any.
    if(LMM_SANITIZE STREQUAL "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-tsan)
    endif()
endif()

# liblmm.a has LTO code and machine code where the compiler can write both. Such an archive needs the compiler's
# own ar for its index. Sanitized and debug builds do not need LTO code.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_AR AND NOT LMM_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(lmm_static_lto_default ON)
else()
    set(lmm_static_lto_default OFF)
endif()
option(LMM_STATIC_LTO "Put LTO code and machine code in liblmm.a" ${lmm_static_lto_default})
if(LMM_STATIC_LTO)
    set(CMAKE_AR "${CMAKE_C_COMPILER_AR}")
    set(CMAKE_RANLIB "${CMAKE_C_COMPILER_RANLIB}")
endif()

# SPDX-License-Identifier: MIT
#
# Labels of a test are its LABEL, the preset, and perhaps one of these:
#   quick      LABEL is unit, golden, lint, death or run: two minutes in all (scripts/test --quick)
#   long       takes minutes to hours: a test with more operations, or for a longer time (scripts/test --long)
#   elsewhere  needs more than this build and this machine; only ctest -L elsewhere runs it
# scripts/test leaves out the last two.
#
# lmm_add_test(NAME <name> LABEL <unit|property|death|stress|golden|install|lint> SOURCES <file>...
#              [LIBS <library>...]  what to link instead of lmm_static
#              [ARGS <word>...]     the test's command line
#              [CRITERION]          a Criterion test: its main comes from Criterion
#              [TIMEOUT <seconds>]) default 300; three times that in a sanitized build, ten times for another machine,
#                                   which is emulated
#
# Builds the program <label>_<name> as tests/bin/<label>/<name> in the build tree, with the source root on
# the include path, and adds it to ctest as <label>.<name>, or with a preset as <preset>/<label>.<name>:
# scripts/test runs all presets together, and ctest would mix the properties of tests with one name.
#
# lmm_add_command_test(NAME <name> LABEL <label> COMMAND <word>... [TIMEOUT <seconds>] [LONG])
# adds a test that is a command, with the same environment. Exit status 77 means skipped; the output has the reason.
# LONG gives it the label long, and 4 hours.
#
# lmm_add_python_test(NAME <name> LABEL <label> SCRIPT <file> [ARGS <word>...] [TIMEOUT <seconds>] [LONG])
# adds a test that is a Python script of the current folder; it can import the modules of tests/support.
#
# lmm_set_cxx(<target> [<option>...]) compiles the target's C++ as C++17, with these compile options added.
#
# lmm_set_tests_properties(<label>.<name>... PROPERTIES <key> <value>...)
# is set_tests_properties for these names.

# A kernel that randomises more than 28 bits of an address breaks the sanitizers of GCC 12 and clang 14: it may
# place a program in their shadow memory. There the tests run without randomisation.
set(lmm_test_launcher "")
if(LMM_SANITIZE AND EXISTS /proc/sys/vm/mmap_rnd_bits)
    file(READ /proc/sys/vm/mmap_rnd_bits lmm_random_bits)
    string(STRIP "${lmm_random_bits}" lmm_random_bits)
    find_program(LMM_SETARCH setarch)
    mark_as_advanced(LMM_SETARCH)
    if(lmm_random_bits GREATER 28 AND LMM_SETARCH)
        execute_process(COMMAND ${LMM_SETARCH} -R true RESULT_VARIABLE lmm_setarch_failed
                        OUTPUT_QUIET ERROR_QUIET)
        if(lmm_setarch_failed)
            message(WARNING "vm.mmap_rnd_bits is ${lmm_random_bits}, and setarch cannot turn address "
                            "randomisation off: sanitized tests may crash at start")
        else()
            set(lmm_test_launcher ${LMM_SETARCH} -R)
        endif()
    endif()
endif()

# A preset may run some labels only (LMM_TEST_LABELS). Its other tests are built only on request, and have the
# label elsewhere.
function(lmm_is_elsewhere label ret_elsewhere)
    if(LMM_TEST_LABELS AND NOT label IN_LIST LMM_TEST_LABELS)
        set(${ret_elsewhere} TRUE PARENT_SCOPE)
    else()
        set(${ret_elsewhere} FALSE PARENT_SCOPE)
    endif()
endfunction()

if(LMM_PRESET)
    set(lmm_test_prefix "${LMM_PRESET}/")
else()
    set(lmm_test_prefix "")
endif()

function(lmm_set_tests_properties)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "PROPERTIES")
    list(TRANSFORM arg_UNPARSED_ARGUMENTS PREPEND "${lmm_test_prefix}")
    set_tests_properties(${arg_UNPARSED_ARGUMENTS} PROPERTIES ${arg_PROPERTIES})
endfunction()

file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/ledgers")
file(CHMOD "${PROJECT_BINARY_DIR}/ledgers" DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)

# Some scripts import modules (jsonschema, protobuf) that the system's own Python has.
find_package(Python3 3.10 REQUIRED COMPONENTS Interpreter)
find_program(LMM_SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(NOT LMM_SYSTEM_PYTHON)
    set(LMM_SYSTEM_PYTHON "${Python3_EXECUTABLE}" CACHE FILEPATH "" FORCE)
endif()
mark_as_advanced(LMM_SYSTEM_PYTHON)

# Debian has no C++ compiler for another C library.
if(LMM_HAS_GLIBC)
    enable_language(CXX)
endif()

function(lmm_add_command_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "LONG" "NAME;LABEL;TIMEOUT" "COMMAND")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "lmm_add_command_test: unexpected argument ${arg_UNPARSED_ARGUMENTS}")
    endif()
    set(labels ${arg_LABEL} ${LMM_PRESET})
    if(arg_LONG)
        list(APPEND labels long)
        set(arg_TIMEOUT 14400)
    elseif(arg_LABEL MATCHES "^(unit|golden|lint|death|run)$")
        list(APPEND labels quick)
    endif()
    # ctest starts the tests of the highest cost first, so that no long one runs alone at the end.
    set(cost 0)
    if(arg_TIMEOUT)
        set(cost ${arg_TIMEOUT})
    elseif(arg_LABEL MATCHES "^(property|ledger|stress|install)$")
        set(cost 300)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    if(LMM_SANITIZE)
        math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
    endif()
    if(CMAKE_CROSSCOMPILING)
        math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 10")
    endif()
    lmm_is_elsewhere(${arg_LABEL} elsewhere)
    if(elsewhere)
        list(APPEND labels elsewhere)
    endif()
    set(test ${lmm_test_prefix}${arg_LABEL}.${arg_NAME})
    add_test(NAME ${test} COMMAND ${lmm_test_launcher} ${arg_COMMAND})
    # Ledgers that tests leave stay in the build tree. The settings here override those of the environment.
    set_tests_properties(${test} PROPERTIES
        LABELS "${labels}"
        TIMEOUT ${arg_TIMEOUT}
        SKIP_RETURN_CODE 77
        COST ${cost}
        ENVIRONMENT_MODIFICATION
            "PYTHONPATH=path_list_prepend:${PROJECT_SOURCE_DIR}/tests/support;PYTHONDONTWRITEBYTECODE=set:1;LMM_DIR=set:${PROJECT_BINARY_DIR}/ledgers;UBSAN_OPTIONS=string_append::print_stacktrace=1;TSAN_OPTIONS=string_append::second_deadlock_stack=1")
endfunction()

function(lmm_add_python_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "LONG" "NAME;LABEL;SCRIPT;TIMEOUT" "ARGS")
    set(options "")
    if(arg_LONG)
        set(options LONG)
    elseif(arg_TIMEOUT)
        set(options TIMEOUT ${arg_TIMEOUT})
    endif()
    lmm_add_command_test(NAME ${arg_NAME} LABEL ${arg_LABEL} ${options}
                         COMMAND "${LMM_SYSTEM_PYTHON}" "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}" ${arg_ARGS})
endfunction()

# Two of the project's warnings are for C only, and g++ warns about that.
function(lmm_set_cxx target)
    set_target_properties(${target} PROPERTIES CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    get_target_property(options ${target} COMPILE_OPTIONS)
    list(REMOVE_ITEM options -Wstrict-prototypes -Wmissing-prototypes)
    set_target_properties(${target} PROPERTIES COMPILE_OPTIONS "${options};${ARGN}")
endfunction()

function(lmm_add_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "CRITERION" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;ARGS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "lmm_add_test: unexpected argument ${arg_UNPARSED_ARGUMENTS}")
    endif()
    set(program ${arg_LABEL}_${arg_NAME})
    add_executable(${program} ${arg_SOURCES})
    lmm_is_elsewhere(${arg_LABEL} elsewhere)
    set_target_properties(${program} PROPERTIES EXCLUDE_FROM_ALL ${elsewhere})
    set_target_properties(${program} PROPERTIES
        OUTPUT_NAME ${arg_NAME}
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin/${arg_LABEL}")
    target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}"
                                                  "${PROJECT_SOURCE_DIR}/include")
    if(NOT arg_LIBS)
        set(arg_LIBS lmm_static)
    endif()
    target_link_libraries(${program} PRIVATE ${arg_LIBS} Threads::Threads)
    # Linking with LTO takes six seconds of processor time for each program, so only the random operations and the
    # misuses do it; the others use the plain machine code of the archive.
    if(LMM_STATIC_LTO AND arg_LABEL MATCHES "^(property|death)$")
        target_link_options(${program} PRIVATE -flto=auto)
    elseif(LMM_STATIC_LTO)
        target_link_options(${program} PRIVATE -fno-lto)
    endif()
    if(arg_CRITERION)
        target_link_libraries(${program} PRIVATE ${lmm_criterion})
    endif()
    set(timeout "")
    if(arg_TIMEOUT)
        set(timeout TIMEOUT ${arg_TIMEOUT})
    endif()
    lmm_add_command_test(NAME ${arg_NAME} LABEL ${arg_LABEL} ${timeout}
                         COMMAND $<TARGET_FILE:${program}> ${arg_ARGS})
endfunction()

# SPDX-License-Identifier: MIT
#
# lmm_add_test(NAME <name> LABEL <unit|property|death|stress|golden|install|lint> SOURCES <file>...
#              [LIBS <library>...]  what to link in place of lmm_static
#              [ARGS <word>...]     the test's command line
#              [CRITERION]          a Criterion test: its main comes from Criterion
#              [TIMEOUT <seconds>]) default 300; three times that in a sanitized build
#
# Builds the program <label>_<name> as tests/bin/<label>/<name> in the build tree, with the source root on
# the include path, and adds it to ctest as <label>.<name>, or with a preset as <preset>/<label>.<name>:
# scripts/test runs all presets as one, and ctest gives tests of one name each other's properties.
#
# lmm_add_command_test(NAME <name> LABEL <label> COMMAND <word>... [TIMEOUT <seconds>])
# adds a test that is a command, with the same environment. Exit status 77 means skipped; the output has the reason.
#
# lmm_add_python_test(NAME <name> LABEL <label> SCRIPT <file> [ARGS <word>...] [TIMEOUT <seconds>])
# adds a test that is a Python script of the current folder; it can import the modules of tests/support.
#
# lmm_set_cxx(<target> [<option>...]) compiles the target's C++ as C++17, with these compile options added.
#
# lmm_set_tests_properties(<label>.<name>... PROPERTIES <key> <value>...)
# is set_tests_properties for these names.

# A kernel that randomises more than 28 bits of an address breaks the sanitizers of GCC 12 and clang
# 14 (their shadow memory is where the program may be put), so there the tests run without that.
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
            message(WARNING "vm.mmap_rnd_bits is ${lmm_random_bits} and address randomisation cannot "
                            "be turned off here; sanitized tests may die at start")
        else()
            set(lmm_test_launcher ${LMM_SETARCH} -R)
        endif()
    endif()
endif()

# A preset may be there for some labels alone (LMM_TEST_LABELS). Its other tests are not built unless
# asked for, and carry the label "elsewhere", which scripts/test leaves out.
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

enable_language(CXX)

function(lmm_add_command_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LABEL;TIMEOUT" "COMMAND")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "lmm_add_command_test: what is ${arg_UNPARSED_ARGUMENTS}?")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    if(LMM_SANITIZE)
        math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
    endif()
    set(labels ${arg_LABEL} ${LMM_PRESET})
    lmm_is_elsewhere(${arg_LABEL} elsewhere)
    if(elsewhere)
        list(APPEND labels elsewhere)
    endif()
    set(test ${lmm_test_prefix}${arg_LABEL}.${arg_NAME})
    add_test(NAME ${test} COMMAND ${lmm_test_launcher} ${arg_COMMAND})
    # Ledgers that tests leave behind stay in the build tree.
    # The tests' own settings follow those of the caller's environment.
    set_tests_properties(${test} PROPERTIES
        LABELS "${labels}"
        TIMEOUT ${arg_TIMEOUT}
        SKIP_RETURN_CODE 77
        ENVIRONMENT_MODIFICATION
            "PYTHONPATH=path_list_prepend:${PROJECT_SOURCE_DIR}/tests/support;PYTHONDONTWRITEBYTECODE=set:1;LMM_DIR=set:${PROJECT_BINARY_DIR}/ledgers;UBSAN_OPTIONS=string_append::print_stacktrace=1;TSAN_OPTIONS=string_append::second_deadlock_stack=1")
endfunction()

function(lmm_add_python_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;LABEL;SCRIPT;TIMEOUT" "ARGS")
    lmm_add_command_test(NAME ${arg_NAME} LABEL ${arg_LABEL} TIMEOUT "${arg_TIMEOUT}"
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
        message(FATAL_ERROR "lmm_add_test: what is ${arg_UNPARSED_ARGUMENTS}?")
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
    # Linking with an archive that has LTO code costs seconds a program, so only the tests that work
    # the library hard get it that way; the others get its plain machine code.
    if(LMM_STATIC_LTO AND arg_LABEL MATCHES "^(property|stress|death)$")
        target_link_options(${program} PRIVATE -flto=auto)
    elseif(LMM_STATIC_LTO)
        target_link_options(${program} PRIVATE -fno-lto)
    endif()
    if(arg_CRITERION)
        target_link_libraries(${program} PRIVATE PkgConfig::CRITERION)
    endif()
    lmm_add_command_test(NAME ${arg_NAME} LABEL ${arg_LABEL} TIMEOUT "${arg_TIMEOUT}"
                         COMMAND $<TARGET_FILE:${program}> ${arg_ARGS})
endfunction()

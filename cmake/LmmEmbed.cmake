# SPDX-License-Identifier: MIT
#
# cmake -DINPUTS=TEMPLATE|STYLE|SCRIPT... -DOUTPUT=FILE.c -P LmmEmbed.cmake: makes the struct of
# reporter/program/page/page_assets.h: the page's template, its style, and one script of all scripts, with the SHA-256
# of the latter two as a Content-Security-Policy has it.
# The scripts after the first two are modules: their lines `import {...} from './x.js';` and the word `export` at the
# start of a line are removed, because one inline module has no files to import. Comments, leading blanks and empty lines of the
# modules and the style are left out, too: they are more than a third of the bytes that each report would have of them. The
# first two scripts, a licence and what it is for, stay as they are. INPUTS is empty: all is empty.
# Only CMake is needed, so this works wherever LMM builds, also for another machine.

# Sets `ret` to the base64 of an even number of hexadecimal digits.
function(encode_base64 hex ret)
    set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    string(LENGTH "${hex}" length)
    set(text "")
    set(at 0)
    while(at LESS length)
        string(SUBSTRING "${hex}0000" ${at} 6 group)
        foreach(shift 18 12 6 0)
            math(EXPR digit "(0x${group} >> ${shift}) & 63")
            string(SUBSTRING "${digits}" ${digit} 1 digit)
            string(APPEND text "${digit}")
        endforeach()
        math(EXPR at "${at} + 6")
    endwhile()
    math(EXPR bytes "${length} / 2")
    math(EXPR padding "(3 - ${bytes} % 3) % 3")
    math(EXPR kept "(${bytes} + 2) / 3 * 4 - ${padding}")
    string(SUBSTRING "${text}" 0 ${kept} text)
    string(REPEAT "=" ${padding} padding)
    set(${ret} "${text}${padding}" PARENT_SCOPE)
endfunction()

# Appends the array of one file to the output, and sets `ret` to its part of the struct.
function(embed name file ret)
    file(READ "${file}" hex HEX)
    file(SIZE "${file}" bytes)
    string(REGEX REPLACE "(................................)" "\\1\n" lines "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," lines "${lines}")
    file(APPEND "${OUTPUT}.new" "\nstatic const unsigned char ${name}[] = {\n${lines}0x00\n};\n")
    set(${ret} "    .${name} = {(const char *) ${name}, ${bytes}},\n" PARENT_SCOPE)
endfunction()

# Sets `ret` to the part of the struct with the hash of a file.
function(embed_hash name file ret)
    file(SHA256 "${file}" hash)
    encode_base64("${hash}" hash)
    set(${ret} "    .${name}_hash = \"sha256-${hash}\",\n" PARENT_SCOPE)
endfunction()

# What HTML would not read as it is written: the end of the element, another way to parse it, or another line end.
function(check_inline file content)
    string(TOLOWER "${content}" content)
    if(content MATCHES "</(script|style)|<!--|<script|\r")
        message(FATAL_ERROR "${file}: '${CMAKE_MATCH_0}' cannot stand in an element of HTML")
    endif()
endfunction()

# Sets `ret` to a text without comments, leading blanks and empty lines. Line ends stay, so statements may end there. A text has
# no "/*" and no line that begins with "//" in a string, and no string of several lines: tests/web/lint.py compares.
function(shorten text ret)
    string(REGEX REPLACE "\n *//[^\n]*" "" text "\n${text}")
    set(shorter "")
    string(FIND "${text}" "/*" from)
    while(from GREATER_EQUAL 0)
        string(SUBSTRING "${text}" 0 ${from} before)
        string(SUBSTRING "${text}" ${from} -1 text)
        string(APPEND shorter "${before}")
        string(FIND "${text}" "*/" to)
        if(to LESS 0)
            message(FATAL_ERROR "a comment has no end: ${text}")
        endif()
        math(EXPR to "${to} + 2")
        string(SUBSTRING "${text}" ${to} -1 text)
        string(FIND "${text}" "/*" from)
    endwhile()
    string(APPEND shorter "${text}")
    string(REGEX REPLACE " +\n" "\n" shorter "${shorter}")
    string(REGEX REPLACE "\n[ \n]+" "\n" shorter "${shorter}")
    string(REGEX REPLACE "^\n" "" shorter "${shorter}")
    set(${ret} "${shorter}" PARENT_SCOPE)
endfunction()

# Appends a file without imports and exports to the script.
function(append_module file)
    file(READ "${file}" content)
    set(content "\n${content}")
    string(REGEX REPLACE "\nimport {[^\n]*} from '\\./[^\n']*';" "\n" content "${content}")
    string(REGEX REPLACE "\nexport (async function|function|const|class|let) " "\n\\1 " content
           "${content}")
    if(content MATCHES "\n((import|export)[^\n]*)")
        message(FATAL_ERROR "${file}: not understood: ${CMAKE_MATCH_1}")
    endif()
    check_inline("${file}" "${content}")
    shorten("${content}" content)
    file(APPEND "${script}" "${content}")
endfunction()

string(REPLACE "|" ";" inputs "${INPUTS}")
set(script "${OUTPUT}.js")
file(WRITE "${script}" "")
file(WRITE "${OUTPUT}.empty" "")
set(template "${OUTPUT}.empty")
set(style "${OUTPUT}.empty")
if(inputs)
    list(POP_FRONT inputs template style licence library)
    file(READ "${style}" content)
    check_inline("${style}" "${content}")
    shorten("${content}" content)
    set(style "${OUTPUT}.css")
    file(WRITE "${style}" "${content}")
    foreach(file IN ITEMS "${licence}" "${library}")
        file(READ "${file}" content)
        check_inline("${file}" "${content}")
        file(APPEND "${script}" "${content}\n")
    endforeach()
    file(APPEND "${script}" "// LMM: SPDX-License-Identifier: MIT\n")
    foreach(file IN LISTS inputs)
        append_module("${file}")
    endforeach()
endif()

file(WRITE "${OUTPUT}.new" "/* Made by cmake/LmmEmbed.cmake. */\n"
     "#include \"reporter/program/page/page_assets.h\"\n")
set(parts "")
foreach(name IN ITEMS template style script)
    embed(${name} "${${name}}" part)
    string(APPEND parts "${part}")
endforeach()
foreach(name IN ITEMS style script)
    embed_hash(${name} "${${name}}" part)
    string(APPEND parts "${part}")
endforeach()
file(APPEND "${OUTPUT}.new" "\nconst struct lmm_page_assets lmm_page_embedded = {\n${parts}};\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")

# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts share; sourced, and leaves the caller at the top of the source tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Configures and builds a preset (and, with more arguments, only these targets). The log is shown only
# when something fails.
build_preset() {
    local preset=$1
    shift
    local log="build/$preset.log"
    mkdir -p build
    echo "building $preset ..." >&2
    if ! {
        cmake --preset "$preset" &&
            cmake --build --preset "$preset" ${1:+--target "$@"}
    } >"$log" 2>&1; then
        cat "$log" >&2
        echo "building $preset failed (log: $log)" >&2
        return 1
    fi
}

# Prints a C file with comments emptied; lines keep their numbers. strip_c code: strings are emptied too.
strip_c() {
    local what=$1 file=$2
    EMPTY_STRINGS=$([[ $what == code ]] && echo 1 || echo 0) perl -0777 -pe '
        s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27)}{
            my ($comment, $string) = ($1, $2);
            defined $comment ? " " . ($comment =~ s/[^\n]//gr)
                : $ENV{EMPTY_STRINGS} ? "\"\"" : $string
        }gse' "$file"
}

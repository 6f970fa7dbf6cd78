# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Functions of the scripts, which source this file. It changes to the top of the source tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# log_of LOG COMMAND...: runs the command and shows its output only when it fails.
log_of() {
    local log=$1
    shift
    mkdir -p build
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        echo "this failed: $* (log: $log)" >&2
        return 1
    fi
}

# build_preset PRESET [TARGET...]: configures and builds a preset, or these targets of it.
build_preset() {
    local preset=$1
    shift
    echo "building $preset ..." >&2
    log_of "build/$preset-configure.log" cmake --preset "$preset"
    log_of "build/$preset.log" cmake --build --preset "$preset" ${1:+--target "$@"}
}

# build_product [TARGET...]: builds the preset release. A new build folder is configured without tests, so
# that the tools of the tests are not needed.
build_product() {
    if [[ ! -f build/release/build.ninja ]]; then
        log_of build/release-configure.log cmake --preset release -DBUILD_TESTING=OFF
    fi
    echo "building release ..." >&2
    log_of build/release.log cmake --build --preset release ${1:+--target "$@"}
}

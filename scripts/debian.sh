# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Debian's archive, for scripts that source this file: its mirror, and packages for arm64, which are unpacked on a machine of
# another architecture. They are not installed there: those of two architectures must have equal versions, which
# Debian's do not always have.

# What builds LMM and its tests for arm64.
# shellcheck disable=SC2034  # scripts that source this file use it
arm64_libraries=(libc6-dev libc6-dbg libstdc++6 uthash-dev libncurses-dev libprotobuf-c-dev zlib1g-dev libdw-dev
    libcapstone-dev libmicrohttpd-dev libsqlite3-dev libcriterion-dev libunwind-dev)

# Prints the mirror of Debian that this machine's apt uses.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016  # words of apt
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n '/^Debian Debian /{s///p;q}')
    if [[ -z $mirror ]]; then
        echo "apt names no Debian mirror; run apt-get update" >&2
        return 1
    fi
    echo "$mirror"
}

# unpack_arm64 FOLDER SUITE UNPACKED PACKAGE...: unpacks packages, and what they need, into the existing folder, by links to
# folders where it has such. SUITE is a suite of Debian, or "here" for this machine's sources of packages. Of all that are
# downloaded, the packages whose file names match the pattern UNPACKED are unpacked.
unpack_arm64() {
    local folder=$1 suite=$2 unpacked=$3 state status=0
    shift 3
    state=$(mktemp -d)
    download_arm64 "$state" "$suite" "$@" && unpack_archives "$state/archives" "$unpacked" "$folder" || status=$?
    rm -rf "$state"
    return "$status"
}

download_arm64() {
    local state=$1 suite=$2 mirror options
    shift 2
    mkdir -p "$state"/{lists,archives}/partial
    : >"$state/status"
    options=(-q -y -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
        -o APT::Install-Recommends=0 -o Debug::NoLocking=1 -o Dir::State="$state" -o Dir::State::lists="$state/lists"
        -o Dir::State::status="$state/status" -o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives")
    if [[ $suite != here ]]; then
        mirror=$(debian_mirror) || return
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$state/sources.list"
        options+=(-o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null)
    fi
    if ! { apt-get "${options[@]}" update && apt-get "${options[@]}" --download-only install "$@"; } \
        >"$state/log" 2>&1; then
        cat "$state/log" >&2
        echo "apt-get failed" >&2
        return 1
    fi
}

# unpack_archives ARCHIVES PATTERN FOLDER
unpack_archives() {
    local archive
    for archive in "$1"/*.deb; do
        # shellcheck disable=SC2053  # a pattern
        if [[ ${archive##*/} == $2 ]]; then
            dpkg-deb --fsys-tarfile "$archive" | tar -x --keep-directory-symlink -C "$3" || return
        fi
    done
}

# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Minimal roots of Debian suites, made with debootstrap, for scripts that source this file after common.sh. They need
# root. Mirror and proxy are those of this machine's apt; build/fresh/ keeps downloaded packages and logs.
#
# In a root, mounts are in a mount namespace of their own and processes in a pid namespace, so nothing stays mounted or
# running however a command ends.

source scripts/debian.sh

kept=$PWD/build/fresh

# prepare_fresh NAME: installs what the functions below need. NAME is the script, for its message.
prepare_fresh() {
    if ((EUID != 0)); then
        echo "$1: debootstrap and chroot need root" >&2
        exit 1
    fi
    scripts/setup fresh
    mkdir -p "$kept/packages"
}

# make_root SUITE ROOT: makes a root in the existing folder ROOT, with the committed tree (HEAD) in its /lmm.
make_root() {
    local suite=$1 root=$2 mirror
    mirror=$(debian_mirror) || return
    log_of "$kept/$suite-debootstrap.log" \
        debootstrap --variant=minbase --cache-dir="$kept/packages" "$suite" "$root" "$mirror" || return
    apt-config dump --format '%F "%v";%n' Acquire::http Acquire::https Acquire::Check-Date \
        Acquire::Check-Valid-Until >"$root/etc/apt/apt.conf.d/90host"
    if [[ -f /etc/hosts ]]; then
        cp /etc/hosts "$root/etc/hosts"
    fi
    mkdir "$root/lmm"
    git archive HEAD | tar -x -C "$root/lmm"
}

# enter_root ROOT COMMAND...: the caller is alone in its namespaces, and becomes the command.
enter_root() {
    local root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount --bind "$kept/packages" "$root/var/cache/apt/archives"
    exec chroot "$root" /usr/bin/env -i HOME=/root PATH="/usr/sbin:/usr/bin:/sbin:/bin" TERM="${TERM:-dumb}" "$@"
}

# run_in_root LOG ROOT COMMAND...: runs a command in the root; its output goes to LOG.
run_in_root() {
    local log=$1 root=$2
    shift 2
    unshare --mount --propagation private --pid --fork --kill-child \
        bash -c "$(declare -f enter_root); kept=\$1; shift; enter_root \"\$@\"" bash "$kept" "$root" "$@" >"$log" 2>&1 </dev/null
}

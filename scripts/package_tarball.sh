# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The relocatable archive of programs and libraries, for scripts/package, which sources this file after fresh_root.sh.
#
# It is built in a minimal root of Debian 11, whose libraries need glibc 2.28 at most, except SQLite's, which needs log()
# of 2.29: that is linked into `lmm`'s module, with the log() of before (both differ only in how they set errno), and with its own
# functions hidden, because it was not compiled for a shared object. All others but
# glibc's own are beside `lmm`, which finds them by $ORIGIN.

# make_sqlite FOLDER: a static SQLite that pkg-config finds in the folder.
make_sqlite() {
    mkdir -p "$1"
    cp "$(gcc -print-file-name=libsqlite3.a)" "$1"
    gcc -O2 -c -x c -o "$1/old_log.o" - <<'SOURCE'
double first_log(double x);
__asm__(".symver first_log, log@GLIBC_2.2.5");
double __wrap_log(double x);
double __wrap_log(double x)
{
    return first_log(x);
}
SOURCE
    ar rc "$1/libold_log.a" "$1/old_log.o"
    cat >"$1/sqlite3.pc" <<FILE
Name: SQLite
Description: SQLite, linked statically
Version: $(pkg-config --modversion sqlite3)
Libs: -L$1 -lsqlite3 -lold_log -lm -ldl -lpthread -Wl,--wrap=log -Wl,--exclude-libs,ALL
FILE
}

# package_of FILE: the Debian package that has the file; libraries may be known by their place before /usr was merged.
package_of() {
    local file
    file=$(readlink -f "$1")
    { dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}"; } | sed 's/:.*//;q'
}

# note_part TREE FILE PACKAGE: a line of THIRD-PARTY, and the licence. FILE is relative to the tree.
note_part() {
    local tree=$1 file=$2 package=$3
    mkdir -p "$tree/licenses"
    cp "/usr/share/doc/$package/copyright" "$tree/licenses/$package"
    printf '%s\t%s\t%s\n' "$file" "$package $(dpkg-query -W -f '${Version}' "$package")" "licenses/$package" \
        >>"$tree/THIRD-PARTY"
}

# add_libraries TREE: what `lmm` and its modules need besides glibc.
add_libraries() {
    local tree=$1 path package module needed=lib/lmm/needed
    mkdir -p "$tree/$needed"
    for path in $(ldd "$tree/bin/lmm" "$tree"/lib/lmm/*.so | awk '$2 == "=>" {print $3}' | LC_ALL=C sort -u); do
        package=$(package_of "$path")
        if [[ $package != libc6 ]]; then
            cp -L "$path" "$tree/$needed"
            chmod 755 "$tree/$needed/${path##*/}"
            # shellcheck disable=SC2016  # the loader's word
            patchelf --set-rpath '$ORIGIN' "$tree/$needed/${path##*/}"
            note_part "$tree" "$needed/${path##*/}" "$package"
        fi
    done
    # shellcheck disable=SC2016
    patchelf --set-rpath '$ORIGIN/../lib/lmm/needed' "$tree/bin/lmm"
    for module in capstone server; do
        # shellcheck disable=SC2016
        patchelf --set-rpath '$ORIGIN/needed' "$tree/lib/lmm/liblmm_$module.so"
    done
}

# What runs in the root: makes /NAME.tar.xz, and /typed-example, a program that is linked with its library.
build_tarball() {
    local name=$1 tree=/$1
    /lmm/scripts/setup build
    apt-get -q -y --no-install-recommends install make patchelf scdoc xz-utils
    make_sqlite /sqlite
    PKG_CONFIG_PATH=/sqlite cmake -S /lmm -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF \
        -DLMM_TESTAPP=OFF -DLMM_BENCH=OFF -DCMAKE_INSTALL_PREFIX=/opt/lmm -DCMAKE_INSTALL_LIBDIR=lib
    cmake --build /build
    cmake --install /build --prefix "$tree"
    # LTO code is for one version of one compiler.
    find "$tree" -name '*.a' -exec strip --strip-debug -R '.gnu.lto_*' -R '.gnu.debuglto_*' -N __gnu_lto_v1 {} +
    find "$tree" -type f '(' -name '*.so*' -o -path '*/bin/lmm' ')' -exec strip --strip-debug {} +
    printf '%s\t%s\t%s\n' '# file' 'what it is, or contains' 'its licence' >"$tree/THIRD-PARTY"
    add_libraries "$tree"
    note_part "$tree" lib/lmm/liblmm_server.so libsqlite3-0
    note_part "$tree" bin/lmm node-d3
    note_part "$tree" bin/lmm libstdc++6
    for file in bin/lmm lib/liblmm.a "lib/$(readlink "$tree/lib/liblmm.so")" lib/lmm/liblmm_preload.so; do
        note_part "$tree" "$file" uthash-dev
    done
    cp -rL /usr/share/common-licenses "$tree/licenses/"
    cp /lmm/LICENSE /lmm/README.md /lmm/CHANGELOG.md "$tree"
    gcc -o /typed-example /lmm/tests/install/consumer/consumer.c -I"$tree/include" -L"$tree/lib" -llmm -lpthread
    tar -C / --sort=name --owner=0 --group=0 --numeric-owner -cJf "/$name.tar.xz" "$name"
}

package_tarball() {
    local name root log start=$SECONDS
    name=lmm-$(version_of HEAD)-x86_64
    prepare_fresh package
    root=$(mktemp -d "${TMPDIR:-/var/tmp}/lmm-package.XXXXXX")
    # shellcheck disable=SC2064  # this root
    trap "rm -rf --one-file-system '$root'" EXIT
    chmod 755 "$root"
    make_root bullseye "$root"
    log=$kept/bullseye-tarball.log
    if ! run_in_root "$log" "$root" bash -exc "$(declare -f make_sqlite package_of note_part add_libraries build_tarball)
        build_tarball '$name'"; then
        tail -n 60 "$log" >&2
        echo "package: no archive (log: ${log#"$PWD/"})" >&2
        exit 1
    fi
    mkdir -p build/package
    cp "$root/$name.tar.xz" "$root/typed-example" build/package
    echo "build/package/$name.tar.xz, after $((SECONDS - start)) s (log: ${log#"$PWD/"})"
}

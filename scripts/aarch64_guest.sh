# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A machine for AArch64, emulated by qemu-system-aarch64 with a kernel of Debian, for scripts that source this file after
# common.sh. They need not be root, and nothing on this machine changes.
#
# build/aarch64-guest keeps the guest's root, which is unpacked from packages and not configured, and its kernels. For each
# run the root, the source tree and the build are put into an image; there they have the same paths as here, so
# that ctest works. Init is a shell script, there is no service, and the command runs as root.
# What a run writes is gone after it, except for the output.

source scripts/debian.sh
guest=$PWD/build/aarch64-guest

guest_programs=(base-files base-passwd bash binutils busybox-static cmake coreutils dash diffutils findutils grep hostname
    libc-bin libfaketime login mawk mount procps python3 python3-jsonschema sed strace util-linux
    git jq memcached nginx-light openssl perl redis-server redis-tools sqlite3 xz-utils)

# make_folder FOLDER SUITE UNPACKED PACKAGE...: unpacks packages into a new folder in which /lib is /usr/lib, and so on.
make_folder() {
    local folder=$1 name
    shift
    if [[ -d $folder ]]; then
        return
    fi
    echo "unpacking packages for arm64 into ${folder#"$PWD/"} ..." >&2
    rm -rf "$folder.partial"
    for name in bin sbin lib; do
        mkdir -p "$folder.partial/usr/$name"
        ln -s "usr/$name" "$folder.partial/$name"
    done
    unpack_arm64 "$folder.partial" "$@" || return
    mv "$folder.partial" "$folder"
}

# Makes the guest's root. What the packages' scripts would have made, and is needed, is made here.
make_guest_root() {
    local root=$guest/root
    make_folder "$root" here '*' "${arm64_libraries[@]}" "${guest_programs[@]}" || return
    mkdir -p "$root"/{dev,proc,run,sys,tmp,root,etc,var/tmp}
    chmod 1777 "$root/tmp" "$root/var/tmp"
    cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
    cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
    echo "memcache:x:100:65534::/nonexistent:/bin/false" >>"$root/etc/passwd"
    echo "127.0.0.1 localhost" >"$root/etc/hosts"
    ln -sf mawk "$root/usr/bin/awk"
}

# make_kernel KIB: unpacks a kernel with pages of that size; makes its first root, which mounts the image and goes there.
# Debian 12 has one with pages of 4 KiB, Debian 13 also one of 16 KiB; none has pages of 64 KiB.
make_kernel() {
    local kernel=$guest/kernel-$1 suite=here package=linux-image-arm64 version first module
    if (($1 == 16)); then
        suite=trixie package=linux-image-arm64-16k
    fi
    make_folder "$kernel" "$suite" 'linux-image-[0-9]*' "$package" || return
    version=$(basename "$kernel"/lib/modules/*)
    cp "$kernel/boot/vmlinuz-$version" "$kernel/vmlinuz"
    /sbin/depmod -b "$kernel" "$version"

    first=$kernel/first
    rm -rf "$first"
    mkdir -p "$first"/{modules,dev,new}
    cp "$guest/root/bin/busybox" "$first/busybox"
    local number=100
    for module in $(/sbin/modprobe -d "$kernel" -S "$version" --show-depends -a virtio_pci virtio_blk ext4 | awk '/^insmod/ {print $2}'); do
        # In this order, each after those that it needs.
        case $module in
        *.xz) xz -dc "$module" >"$first/modules/$number.ko" ;;
        *) cp "$module" "$first/modules/$number.ko" ;;
        esac
        number=$((number + 1))
    done
    cat >"$first/init" <<-'END'
		#!/busybox sh
		/busybox mount -t devtmpfs dev /dev
		for module in /modules/*; do
		    /busybox insmod "$module"
		done
		/busybox mount -t ext4 -o noatime /dev/vda /new
		/busybox umount /dev
		exec /busybox switch_root /new /init
	END
    chmod +x "$first/init"
    (cd "$first" && find . | cpio --quiet -o -H newc) >"$kernel/initrd"
}

# make_guest KIB: makes what boot_guest needs of packages, if it is not there.
make_guest() {
    mkdir -p "$guest"
    make_guest_root
    if [[ ! -f $guest/kernel-$1/initrd ]]; then
        make_kernel "$1"
    fi
}

# Prints which files of a build folder the tests need, or may need.
built_files() {
    find "$1" -name CMakeFiles -prune -o ! -type d ! -name '*.o' ! -name '*.a' ! -name '.ninja*' -print
}

# make_image IMAGE BUILD COMMAND...: a file system with the root, the source tree, and the build.
make_image() {
    local image=$1 build=$2 stage=$guest/stage kib
    shift 2
    rm -rf "$stage"
    # Hard links: no data is copied.
    cp -al "$guest/root" "$stage"
    mkdir -p "$stage$PWD"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp -l --parents -t "$stage$PWD" || return
    built_files "$build" | tr '\n' '\0' | xargs -0 cp -l --parents -t "$stage$PWD" || return
    mkdir -p "$stage$PWD/$build/ledgers"
    chmod 700 "$stage$PWD/$build/ledgers"
    {
        guest_init
        printf 'cd %q\n' "$PWD"
        printf '%q ' "$@"
        printf '</dev/null 2>&1\necho "guest: the command ended with status $?"\n'
        printf 'busybox poweroff -f\n'
    } >"$stage/init"
    chmod +x "$stage/init"
    kib=$(du -sk "$stage" | cut -f 1)
    rm -f "$image"
    log_of build/aarch64-image.log /sbin/mke2fs -q -t ext4 -O ^has_journal -m 0 -E root_owner=0:0 -d "$stage" "$image" \
        "$((kib + kib / 4 + 2 * 1024 * 1024))k" || return
    rm -rf "$stage"
}

guest_init() {
    cat <<-'END'
		#!/bin/bash
		export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=dumb PATIENCE_FACTOR=10
		mount -t proc proc /proc
		mount -t sysfs sys /sys
		mount -t devtmpfs dev /dev
		mkdir -p /dev/pts /dev/shm
		mount -t devpts devpts /dev/pts
		mount -t tmpfs -o mode=1777 shm /dev/shm
		mount -t tmpfs run /run
		busybox ifconfig lo 127.0.0.1 up
		hostname guest
		ulimit -c 0
		echo "guest: Linux $(uname -r), pages of $(getconf PAGESIZE) bytes"
	END
}

# run_in_guest KIB BUILD COMMAND...: boots the kernel with pages of that size and runs the command there, in the same
# folder as here. Prints its output, and returns its status; 125 when the guest has not come to its end.
run_in_guest() {
    local kib=$1 build=$2 image=$guest/image log=build/aarch64-kernel-$1.log
    shift 2
    make_image "$image" "$build" "$@" || return 125
    # pauth-impdef: a cheap function for signatures of pointers; with the architecture's own, the emulator is far slower.
    qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on -smp 2 -m 4096 -accel tcg,thread=multi \
        -kernel "$guest/kernel-$kib/vmlinuz" -initrd "$guest/kernel-$kib/initrd" \
        -append "console=ttyAMA0 quiet loglevel=3 panic=-1" \
        -drive "file=$image,format=raw,if=none,id=root,cache=unsafe" -device virtio-blk-pci,drive=root \
        -nographic -no-reboot -nic none </dev/null | sed -u 's/\r$//' | tee "$log"
    rm -f "$image"
    local status
    status=$(sed -n 's/^guest: the command ended with status //p' "$log")
    return "${status:-125}"
}

# SPDX-License-Identifier: MIT
"""Used by bench/run: the allocators that are compared, and where their programs and libraries are.

A peer is a library that is preloaded into bench-malloc. mimalloc 3 is a package of Debian 13; on
Debian 12 it is downloaded with apt-get, whose lists are kept apart from the system's, and unpacked
into a cache. Nothing is installed by that.
"""
import glob
import os
import shutil
import subprocess

from measure import (PEERS, ROOT, clean_environment, find_library, package_version, say)

# LMM: the drop-in (stacks=0), the typed calls of liblmm.so, and those of liblmm.a with LTO.
OURS = {"preload": "bench-malloc", "shared": "bench-lmm", "static": "bench-lmm-static"}
DROP_IN = "preload"

CACHE = os.path.join(ROOT, "build/bench-peers")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NEWER_SUITE = "trixie"


class Allocator:
    """One column: a program and the library that is preloaded into it."""

    def __init__(self, name, program, library=None, version=""):
        self.name = name
        self.program = program
        self.library = library
        self.version = version
        self.environment = clean_environment()
        if library:
            self.environment["LD_PRELOAD"] = library


# ---- A package of a newer Debian ---------------------------------------------------------------

def apt_get(folder, *words):
    """Runs apt-get with lists and settings in folder, and returns whether it succeeded."""
    options = {"Dir::Etc::SourceList": "sources.list", "Dir::Etc::SourceParts": "none",
               "Dir::State::Lists": "lists", "Dir::Cache": "cache"}
    command = ["apt-get", "-q"]
    for key, name in options.items():
        command += ["-o", f"{key}={os.path.join(folder, name)}"]
    result = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        say(result.stderr.strip())
    return result.returncode == 0


def mirror():
    """The system's mirror of Debian; None when apt names none."""
    result = subprocess.run(["apt-get", "indextargets", "--format",
                             "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"],
                            capture_output=True, text=True, check=False)
    found = [line.split()[2] for line in result.stdout.splitlines()
             if line.startswith("Debian Debian ")]
    return found[0] if found else None


def unpack_package(package, folder):
    source = mirror()
    if source is None:
        say("apt names no Debian mirror; run apt-get update")
        return
    os.makedirs(os.path.join(folder, "lists/partial"), exist_ok=True)
    os.makedirs(os.path.join(folder, "cache/archives/partial"), exist_ok=True)
    with open(os.path.join(folder, "sources.list"), "w", encoding="utf-8") as file:
        file.write(f"deb [signed-by={KEYRING}] {source} {NEWER_SUITE} main\n")
    if not apt_get(folder, "update") or not apt_get(folder, "download", package):
        return
    for archive in glob.glob(os.path.join(folder, f"{package}_*.deb")):
        subprocess.run(["dpkg", "-x", archive, os.path.join(folder, "root")], check=False)
    for name in ("lists", "cache"):
        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def cached_library(soname, package):
    """(path, version) of the library in the cache; (None, "") when it is not there."""
    folder = os.path.join(CACHE, package)
    paths = glob.glob(os.path.join(folder, "root/usr/lib/*", soname))
    archives = glob.glob(os.path.join(folder, f"{package}_*.deb"))
    version = os.path.basename(archives[0]).split("_")[1] if archives else ""
    return (os.path.realpath(paths[0]), version) if paths else (None, "")


def fetch(soname, package):
    """As cached_library(); downloads the package first when it is not in the cache."""
    found = cached_library(soname, package)
    if found[0] is None and shutil.which("apt-get") and os.path.exists(KEYRING):
        say(f"downloading {package} of {NEWER_SUITE} ...")
        unpack_package(package, os.path.join(CACHE, package))
        found = cached_library(soname, package)
    return found


# ---- Choosing ----------------------------------------------------------------------------------

def peer(name, folder):
    soname, package = PEERS[name]
    library = find_library(soname) if soname else None
    version = package_version(package)
    if soname and library is None and name == "mimalloc3":
        library, version = fetch(soname, package)
    if soname and library is None:
        say(f"skipping {name}: {soname} is not installed (package {package})")
        return None
    return Allocator(name, os.path.join(folder, "bench-malloc"), library, version)


def own(name, folder):
    library = os.path.join(os.path.dirname(folder), "lib/lmm/liblmm_preload.so")
    return Allocator(name, os.path.join(folder, OURS[name]), library if name == DROP_IN else None)


def from_path(text, folder):
    """The allocator of NAME=PATH."""
    name, _, path = text.partition("=")
    return Allocator(name, os.path.join(folder, "bench-malloc"), os.path.abspath(path))


def from_folder(peers_folder, folder):
    """A peer for each library in a folder, named by its file without "lib" and ".so"."""
    found = []
    for path in sorted(glob.glob(os.path.join(peers_folder, "*.so*"))):
        name = os.path.basename(path).removeprefix("lib").split(".so")[0]
        found.append(from_path(f"{name}={path}", folder))
    return found


def is_present(allocator):
    for path in (allocator.program, allocator.library):
        if path and not os.path.exists(path):
            say(f"skipping {allocator.name}: {path} does not exist; scripts/bench builds LMM")
            return False
    return True

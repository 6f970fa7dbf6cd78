#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""real.py LMM [--cache FOLDER] [--compilers WORD,...] [--lines] [PROGRAM...]: how much of real programs' memory has a type.

Fetches the sources of Debian's packages (deb-src is added for this script alone), builds them by gcc and clang with
-O2 -g, runs each under LMM on a small task of its own, and prints which share of the bytes at the peak has a certain
or a likely type. Fails if it is below 85 % of a program in C, or 90 % of one in C++. What was built is kept in the
folder (default: ~/.cache/lmm/real). The builds need autoconf, automake, bison, flex, libtool and
libevent-dev. --lines: also the lines with most bytes without a type.
Status 77: the sources cannot be fetched.
"""
import argparse
import collections
import contextlib
import glob
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
SHARE_MIN = {"C": 0.85, "C++": 0.90}
COMPILERS = {"gcc": ("gcc", "g++"), "clang": ("clang", "clang++")}
FLAGS = "-O2 -g"
SECONDS = 100    # until a server answers, and until a program ends
KEYS = 20000

SQL = """create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into t select i, 'text' || i, i * 1.5 from n;
create index tb on t(b);
select count(*), sum(c) from t where b like 'text1%';
select b, count(*) from t group by substr(b, 1, 5) order by 2 limit 3;
"""
PYTHON = """import collections, json
class Point:
    def __init__(self, x): self.x = x; self.name = "p%d" % x
points = [Point(i) for i in range(20000)]
index = {p.name: p for p in points}
groups = collections.defaultdict(list)
for p in points: groups[p.x % 97].append((p.x, [p.name]))
text = json.dumps([p.name for p in points])
"""
NGINX = """daemon off; master_process off; error_log error.log; pid pid; events { worker_connections 1024; }
http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u;
scgi_temp_path s; server { listen unix:socket; root .; } }
"""


def connect(path):
    """A stream to a server's socket, as soon as it listens."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))
            return client
        except OSError:
            client.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def ask(stream, request, lines=1):
    """Sends a request, and reads so many lines of the answer."""
    stream.write(request)
    stream.flush()
    return [stream.readline() for _ in range(lines)]


def use_redis(folder):
    with contextlib.closing(connect(folder / "socket")) as client:
        stream = client.makefile("rwb")
        for i in range(KEYS):
            ask(stream, b"SET key:%d value:%d\r\n" % (i, i))
        for i in range(200):
            ask(stream, b"HSET hash f%d %d\r\n" % (i, i))
            ask(stream, b"ZADD set %d m%d\r\n" % (i, i))
            ask(stream, b"RPUSH list e%d\r\n" % i)
        stream.write(b"SHUTDOWN NOSAVE\r\n")
        stream.flush()


def use_memcached(folder):
    with contextlib.closing(connect(folder / "socket")) as client:
        stream = client.makefile("rwb")
        for i in range(KEYS):
            ask(stream, b"set key%d 0 0 10\r\n0123456789\r\n" % i)
        ask(stream, b"shutdown\r\n", 0)


def use_nginx(folder):
    clients = [connect(folder / "socket") for _ in range(300)]
    for client in clients:
        client.sendall(b"GET /conf HTTP/1.1\r\nHost: x\r\n\r\n")
    for client in clients:
        client.recv(1000)
    subprocess.run(["kill", "-TERM", (folder / "pid").read_text().strip()], check=True)
    for client in clients:
        client.close()


def make_repository(folder):
    settings = dict(os.environ, HOME=str(folder), GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a",
                    GIT_COMMITTER_EMAIL="a@b")
    run = lambda *words: subprocess.run(["git", "-C", folder, *words], check=True, env=settings,    # noqa: E731
                                        stdout=subprocess.DEVNULL)
    run("init", "-q")
    for i in range(20):
        for j in range(50):
            (folder / f"file{j}").write_text("".join(f"line {k * (i + 1) % 97} of {j}\n" for k in range(200)))
        run("add", "-A")
        run("commit", "-q", "-m", f"change {i}")


def make_ninja_file(folder):
    edges = "".join(f"build out{i}: cc in{i} | dep{i % 50} out{max(i - 1, 0)}x\n" for i in range(KEYS))
    inputs = "".join(f"build out{i}x: phony\n" for i in range(KEYS))
    (folder / "build.ninja").write_text(f"rule cc\n  command = cc $in -o $out\n{inputs}{edges}")


def make_project(folder):
    project = "TEMPLATE = app\nCONFIG -= qt\n"
    for i in range(1000):
        part = folder / f"part{i % 40}"
        part.mkdir(exist_ok=True)
        (part / f"file{i}.h").write_text(f"int function{i}();\n")
        (part / f"file{i}.cpp").write_text(f'#include "file{i}.h"\n#include "../part0/file{i // 80 * 40}.h"\n')
        project += (f"SOURCES += {part.name}/file{i}.cpp\nHEADERS += {part.name}/file{i}.h\n"
                    f"group{i % 50}.files += $$HEADERS\n")
    (folder / "many.pro").write_text(project)


Real = collections.namedtuple("Real", "package language build binary command prepare use")

# By name: {cc}, {cxx} and {flags} are the compilers and their options; {folder} is a folder of the run.
PROGRAMS = {
    "redis-server": Real("redis", "C", ["make -j2 MALLOC=libc OPTIMIZATION=-O2 CC={cc} BUILD_TLS=no redis-server"],
                         "src/redis-server", ["--port", "0", "--save", "", "--unixsocket", "{folder}/socket"], None,
                         use_redis),
    "memcached": Real("memcached", "C", ["./configure CC={cc} CFLAGS='{flags}'", "make -j2 memcached"], "memcached",
                      ["-u", "root", "-m", "64", "-A", "-s", "{folder}/socket"], None, use_memcached),
    "sqlite3": Real("sqlite3", "C", ["./configure --disable-tcl --disable-shared CC={cc} CFLAGS='{flags}'",
                                     "make -j2 sqlite3"], "sqlite3", [":memory:", SQL], None, None),
    "nginx": Real("nginx", "C", ["./configure --with-cc={cc} --with-cc-opt='{flags}' --without-http_rewrite_module"
                                 " --without-http_gzip_module", "make -j2"], "objs/nginx",
                  ["-p", "{folder}", "-c", "conf"], lambda folder: (folder / "conf").write_text(NGINX), use_nginx),
    "jq": Real("jq", "C", ["autoreconf -i", "./configure --with-oniguruma=no --disable-maintainer-mode --disable-docs"
                           " --disable-shared CC={cc} CFLAGS='{flags}'", "make -j2"], "jq",
               ["-n", "[range(50000) | {a: ., b: tostring}] | group_by(.a % 7) | length"], None, None),
    "git": Real("git", "C", ["make -j2 CC={cc} CFLAGS='{flags}' NO_GETTEXT=1 NO_TCLTK=1 NO_CURL=1 NO_EXPAT=1 NO_PERL=1"
                             " NO_PYTHON=1 git"], "git", ["-C", "{folder}", "log", "--stat", "-p"], make_repository,
                None),
    "python3": Real("python3.11", "C", ["./configure CC={cc} CXX={cxx} CFLAGS='{flags}' OPT=-DNDEBUG",
                                        "make -j2 python"], "python", ["-c", PYTHON], None, None),
    "ninja": Real("ninja-build", "C++", ["CXX={cxx} CFLAGS='{flags}' ./configure.py --bootstrap"], "ninja",
                  ["-C", "{folder}", "-n", "-d", "stats"], make_ninja_file, None),
    # Of Qt's own configure only the part that builds qmake, with the core of Qt in it.
    "qmake": Real("qtbase-opensource-src", "C++",
                  ["MAKEFLAGS='-j2 EXTRA_CXXFLAGS=-g' ./configure -opensource -confirm-license -optimized-tools -platform"
                   " linux-$(echo {cc} | sed s/gcc/g++/) -external-hostbindir /nonexistent; test -x bin/qmake"],
                  "bin/qmake", ["-spec", "linux-g++", "-o", "{folder}/Makefile", "{folder}/many.pro"],
                  make_project, None),
}


def run_quietly(command, folder, log):
    """Runs a command of the shell, with its output in a file; returns whether it succeeded."""
    with open(log, "ab") as stream:
        return subprocess.run(command, shell=True, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream,
                              stderr=stream, check=False).returncode == 0


class Sources:
    """Debian's sources, fetched with a list of its own."""

    def __init__(self, cache):
        self.cache = cache
        self.options = ["-o", f"Dir::Etc::SourceList={cache}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
                        "-o", f"Dir::State::Lists={cache}/lists", "-o", "APT::Sandbox::User="]

    def add(self):
        """Reads the lists; returns whether there are any."""
        (self.cache / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (self.cache / "sources.list").write_text("".join(dict.fromkeys(self.lines())))
        return run_quietly("apt-get " + " ".join(map(str, self.options)) + " update", self.cache,
                           self.cache / "fetch.log")

    @staticmethod
    def lines():
        """Lines deb-src for what the system's lists name."""
        for name in ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*.list")]:
            with contextlib.suppress(OSError), open(name, encoding="utf-8") as stream:
                yield from ("deb-src " + line[4:] for line in stream if line.startswith("deb "))
        for name in glob.glob("/etc/apt/sources.list.d/*.sources"):
            for stanza in pathlib.Path(name).read_text(encoding="utf-8").split("\n\n"):
                fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] not in "# ")
                for uri in fields.get("URIs", "").split():
                    for suite in fields.get("Suites", "").split():
                        yield f"deb-src [signed-by={fields['Signed-By']}] {uri} {suite} {fields['Components']}\n"

    def unpack(self, package):
        """Returns the folder of a package's sources; None: they cannot be fetched."""
        kept = self.cache / "sources" / package
        if not kept.is_dir():
            with tempfile.TemporaryDirectory(dir=self.cache) as folder:
                log = self.cache / "fetch.log"
                command = "apt-get " + " ".join(map(str, self.options)) + " source --download-only "
                archives = lambda: glob.glob(f"{folder}/*.orig.tar.*")    # noqa: E731
                # The newest version may be gone from the archive already; the release's is there.
                if not any(run_quietly(command + word, folder, log) for word in (package, f"{package}/stable",
                                                                                 f"{package}/oldstable")):
                    return None
                kept.mkdir(parents=True)
                for archive in archives():
                    if not archive.endswith(".asc"):
                        subprocess.run(["tar", "-xf", archive, "-C", kept, "--strip-components=1"], check=True)
        return kept


def build(real, compiler, sources, cache):
    """Returns the path of the program; None, with a line that says why: it cannot be built."""
    folder = cache / compiler / real.package
    binary = folder / real.binary
    if binary.exists():
        return binary
    unpacked = sources.unpack(real.package)
    if unpacked is None:
        print(f"{real.package}: its sources cannot be fetched; see {cache}/fetch.log")
        return None
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(unpacked, folder, symlinks=True)
    cc, cxx = COMPILERS[compiler]
    for command in real.build:
        if not run_quietly(command.format(cc=cc, cxx=cxx, flags=FLAGS), folder, folder / "build.log"):
            print(f"{real.package}: cannot be built; see {folder}/build.log")
            return None
    return binary if binary.exists() else None


def measure(lmm, real, binary, folder):
    """Runs a program under LMM; returns its sites."""
    if real.prepare:
        real.prepare(folder)
    books = folder / "books"
    books.mkdir()
    settings = dict(os.environ, LMM_DIR=str(books), XDG_CACHE_HOME=str(folder / "cache"), PYTHONMALLOC="malloc")
    settings.pop("LMM_OPTIONS", None)
    words = [word.replace("{folder}", str(folder)) for word in real.command]
    with subprocess.Popen([lmm, "run", "--keep", "-o", os.devnull, "--", binary, *words], env=settings, cwd=folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            if real.use:
                real.use(folder)
            process.wait(SECONDS)
        except BaseException:
            process.terminate()    # lmm run passes it on
            raise
    ledgers = sorted(books.glob("*/*.lmm"), key=lambda path: path.stat().st_size)
    output = subprocess.run([lmm, "sites", "--by", "stack", "--all", "--top", "1000000", "--json", ledgers[-1]],
                            check=True, env=settings, stdout=subprocess.PIPE).stdout
    return json.loads(output)["sites"]


def share_of(sites, words):
    """The share of the bytes at the peak whose confidence is one of the words."""
    total = sum(site["peak_bytes"] for site in sites)
    return sum(site["peak_bytes"] for site in sites if site["type"]["confidence"] in words) / max(total, 1)


def print_lines(sites):
    total = sum(site["peak_bytes"] for site in sites)
    lines = collections.Counter()
    for site in sites:
        kind = site["type"]
        if kind["confidence"] in ("guess", "none"):
            lines[(os.path.basename(site["file"]), site["line"], site["function"][:60], kind["name"], kind["gap"],
                   " ".join(kind["evidence"]))] += site["peak_bytes"]
    for line, count in lines.most_common(12):
        print(f"    {100 * count / total:5.1f}%  {line[0]}:{line[1]} ({line[2]})  {' / '.join(filter(None, line[3:]))}")


def judge(name, compiler, arguments, sources):
    """Prints the row of a program; returns whether it is good, None: it was not run."""
    real = PROGRAMS[name]
    binary = build(real, compiler, sources, arguments.cache)
    if binary is None:
        return None
    with tempfile.TemporaryDirectory(prefix="lmm-real-") as folder:
        sites = measure(arguments.lmm, real, binary, pathlib.Path(folder))
    certain = share_of(sites, ("certain",))
    known = share_of(sites, ("certain", "likely"))
    size = sum(site["peak_bytes"] for site in sites) / 2**20
    least = SHARE_MIN[real.language]
    verdict = "" if known >= least else f"  below {least:.0%}"
    print(f"{name:14} {real.language:4} {compiler:6} {size:9.1f} MiB {100 * known:7.1f}% {100 * certain:8.1f}%{verdict}",
          flush=True)
    if arguments.lines:
        print_lines(sites)
    return not verdict


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmm", type=os.path.abspath)
    parser.add_argument("--cache", type=lambda path: pathlib.Path(path).resolve(),
                        default=pathlib.Path.home() / ".cache" / "lmm" / "real")
    parser.add_argument("--compilers", default=",".join(COMPILERS))
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("programs", nargs="*")
    arguments = parser.parse_intermixed_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    sources = Sources(arguments.cache)
    if not sources.add():
        print("the lists of Debian's sources cannot be fetched")
        return SKIPPED
    print(f"{'program':14} {'':4} {'by':6} {'peak':>13} {'typed':>8} {'certain':>9}")
    results = [judge(name, compiler, arguments, sources) for name in arguments.programs or PROGRAMS
               for compiler in arguments.compilers.split(",") if shutil.which(COMPILERS[compiler][0])]
    if False in results:
        return 1
    return 0 if True in results else SKIPPED


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""programs.py LMM LIBRARY [--repeat N] [--keep] [PROGRAM...]: real programs on the drop-in.

Each program does its work plain, with LIBRARY preloaded (stacks=0), and with full call stacks and a
ledger; its output must be the same to the byte, and the ledgers must balance. Without names, all programs run.
Servers listen on the loopback interface only, on a free port, and are stopped. LMM is the program `lmm`.
Status 77: the (one) program is not installed. --keep leaves the folder, --repeat runs everything N times.
"""
import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import patience
import reports

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
PATIENCE_SECONDS = patience.seconds(120)
STOP_SECONDS = patience.seconds(20)
# The system's own, where there is one.
PYTHON = shutil.which("python3", path="/usr/bin") or sys.executable


class Failure(Exception):
    pass


def digest(data):
    return hashlib.sha256(data).hexdigest().encode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Place:
    """A folder of one name for every way of running, and the environment of that way."""

    def __init__(self, folder, settings):
        self.folder = folder
        self.settings = settings
        self.plain = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": folder, "LC_ALL": "C.UTF-8",
                      "TMPDIR": folder, "TZ": "UTC"}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self, **more):
        return {**self.plain, **self.settings, **more}

    def run(self, *command, stdin=b"", plain=False, **more):
        """Runs to the end, which must be status 0, and returns stdout followed by stderr."""
        environment = {**self.plain, **more} if plain else self.environment(**more)
        result = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment, cwd=self.folder, timeout=PATIENCE_SECONDS, check=False)
        if result.returncode != 0:
            raise Failure(f"{' '.join(command)[:200]}: status {result.returncode}\n"
                          f"{result.stdout[-2000:].decode(errors='replace')}\n"
                          f"{result.stderr[-2000:].decode(errors='replace')}")
        return result.stdout + result.stderr

    @contextlib.contextmanager
    def server(self, *command, port, stop=signal.SIGTERM):
        """A server, from when it answers on the port; afterwards it must stop with status 0."""
        with open(self.path("server.log"), "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=self.environment(), cwd=self.folder)
        try:
            self.wait_for(process, port)
            yield process
            if process.poll() is not None:
                raise Failure(f"{command[0]} ended with {process.returncode}: {self.log_end()}")
            process.send_signal(stop)
            status = process.wait(timeout=PATIENCE_SECONDS)
            if status != 0:
                raise Failure(f"{command[0]}: status {status} when stopped: {self.log_end()}")
        finally:
            if process.poll() is None:
                process.send_signal(stop)  # `lmm run` passes it on to the server
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=STOP_SECONDS)
                process.kill()
                process.wait()

    def wait_for(self, process, port):
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.02)
        raise Failure(f"no answer on port {port}, status {process.poll()}: {self.log_end()}")

    def log_end(self):
        return self.read("server.log")[-2000:].decode(errors="replace")


# ---- The programs. Each function does the work at a place and returns what must be the same each time.


def bash(place):
    return place.run("bash", os.path.join(HERE, "programs", "script.bash"))


def perl(place):
    return place.run("perl", os.path.join(HERE, "programs", "script.pl"), PERL_HASH_SEED="0")


def python3(place):
    return place.run(PYTHON, "-B", os.path.join(HERE, "programs", "script.py"),
                     PYTHONMALLOC="malloc", PYTHONHASHSEED="0")


def git(place):
    date = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
           "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_PAGER": "cat"}

    def call(*words):
        return place.run("git", "-c", "gc.auto=0", *words, **date, **who)

    out = call("init", "-q", "-b", "main", ".")
    for commit in range(8):
        for i in range(40):
            lines = [f"line {k} of {i}, {k * commit * 31 % 97}\n" for k in range(60 + i)]
            place.write(f"file{i}.txt", "".join(lines))
        out += call("add", "-A", ".")
        out += call("commit", "-q", "-m", f"commit {commit}")
    out += call("log", "--stat")
    out += call("diff", "HEAD~3", "HEAD~1")
    out += call("-c", "pack.threads=2", "repack", "-q", "-a", "-d", "-f")
    out += call("gc", "-q")
    out += call("fsck", "--full", "--no-progress")
    out += call("rev-list", "--objects", "--all")
    out += call("blame", "file7.txt")
    return out + call("rev-parse", "HEAD")


def c_source(functions):
    """A C file of that many functions, with structs, switches, loops and strings."""
    parts = ["#include <stdio.h>\n#include <string.h>\nstruct node { struct node *next; long key; "
             "double weight; char name[24]; };\n"]
    for i in range(functions):
        cases = "".join(f"    case {k}: total += node->key * {i + k} ^ {k * 77}; break;\n" for k in range(12))
        parts.append(
            f"long f{i}(struct node *node, long n)\n{{\n  long total = {i};\n  char text[64];\n"
            f"  for (; node && n-- > 0; node = node->next) {{\n    switch (node->key % {12 + i % 5}) {{\n"
            f"{cases}    default: total -= (long) (node->weight * {i % 7}.5);\n    }}\n"
            f"    snprintf(text, sizeof text, \"{i}-%s-%ld\", node->name, total);\n"
            f"    total += (long) strlen(text){f' + f{i - 1}(node->next, n / 2)' if i else ''};\n  }}\n"
            f"  return total;\n}}\n")
    return "".join(parts)


def gcc(place):
    place.write("large.c", c_source(70))
    out = place.run("gcc", "-O2", "-g", "-c", "large.c", "-o", "large.o")
    place.write("main.c", "#include <stdio.h>\nint main(void) { return puts(\"linked\") < 0; }\n")
    out += place.run("gcc", "-O2", "main.c", "large.o", "-o", "main", "-Wl,--build-id=none")
    return out + digest(place.read("large.o")) + digest(place.read("main")) + place.run("./main")


def sqlite3(place):
    return place.run("sqlite3", ":memory:", stdin=b"""
        create table item(id integer primary key, name text, price real, kind int);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 120000)
            insert into item select i, 'item ' || (i * 7919 % 120011), i * 0.5, i % 37 from n;
        create index by_name on item(name);
        create index by_kind on item(kind, price desc);
        select kind, count(*), sum(price), min(name) from item group by kind order by kind;
        select * from item where name like 'item 77%' order by name limit 20;
        update item set name = name || ' changed' where kind = 5;
        delete from item where kind in (6, 7, 8);
        select count(*), sum(length(name)) from item;
        select name, row_number() over (partition by kind order by name) from item order by 1 limit 20;
        pragma integrity_check;
    """)


def jq(place):
    records = ",".join('{"id":%d,"name":"name %d","group":"g%d","values":[%d,%d,%d.5]}'
                       % (i, i * 7, i % 29, i, i * 3 % 11, i) for i in range(20000))
    place.write("records.json", f"[{records}]")
    out = place.run("jq", "-S", "group_by(.group) | map({group: .[0].group, count: length, "
                    "sum: (map(.values | add) | add)}) | sort_by(-.sum)", "records.json")
    out += place.run("jq", "-c", ".[] | select(.id % 1000 == 0) | .name |= ascii_upcase", "records.json")
    return out + digest(place.run("jq", "map(.name | test(\"7.*7\")) | tostring", "records.json"))


def redis(place):
    port = free_port()
    cli = ("redis-cli", "-h", "127.0.0.1", "-p", str(port))
    with place.server("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                      "--appendonly", "no", "--dir", place.folder, "--io-threads", "2", port=port):
        place.run("redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-q", "-n", "1000", "-r", "500",
                  "-c", "20", "-P", "4", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset")
        place.run(*cli, "FLUSHALL")
        for i in range(2):
            commands = "".join(f"SET key{k} {'v' * (k % 300)}{k + i}\nHSET hash{k % 50} f{k} {k * i}\n"
                               f"RPUSH list{k % 7} {k}\nZADD set {k * 31 % 101} m{k}\nAPPEND long x{k}\n"
                               for k in range(800))
            place.run(*cli, stdin=commands.encode())
        queries = "".join(f"GET key{k}\n" for k in range(0, 800, 9))
        queries += "LRANGE list3 0 -1\nZRANGE set 0 30 WITHSCORES\nSTRLEN long\nHGET hash3 f53\nDBSIZE\n"
        queries += "BGSAVE\nPING\n"
        return place.run(*cli, stdin=queries.encode())


def xz(place):
    state, parts = 1, []
    for i in range(150000):
        state = (state * 1103515245 + 12345) % (1 << 31)
        parts.append(f"{state % 1000} a line of text, number {i % 777}\n")
    data = "".join(parts).encode()
    place.write("data", data)
    place.run("xz", "-T2", "-3", "--block-size=1MiB", "-k", "data")
    packed = place.read("data.xz")
    os.unlink(place.path("data"))
    place.run("xz", "-d", "-T2", "data.xz")
    if place.read("data") != data:
        raise Failure("xz: the unpacked data differ")
    return digest(packed)


def sort(place):
    state, lines = 7, []
    for _ in range(200000):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        lines.append(f"{state >> 33} {state >> 50}\n")
    place.write("lines", "".join(lines))
    out = digest(place.run("sort", "--parallel=2", "-S", "3M", "lines"))
    out += digest(place.run("sort", "--parallel=2", "-S", "64M", "-k2,2n", "-k1,1r", "lines"))
    return out + place.run("sh", "-c", "cut -d' ' -f2 lines | sort -n --parallel=2 | uniq -c | sort -rn | head -20")


def openssl(place):
    place.write("data", b"".join(bytes([i * 7 % 251]) * 997 for i in range(3000)))
    out = b""
    for name in ("md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b512"):
        out += place.run("openssl", "dgst", f"-{name}", "data")
    key = ("-K", "00" * 15 + "42", "-iv", "00" * 16)
    place.run("openssl", "enc", "-aes-128-cbc", *key, "-in", "data", "-out", "data.enc")
    place.run("openssl", "enc", "-d", "-aes-128-cbc", *key, "-in", "data.enc", "-out", "data.dec")
    out += digest(place.read("data.enc")) + digest(place.read("data.dec"))
    out += place.run("openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-S", "0011223344556677", "-pass", "pass:x",
                     "-a", stdin=b"a text to be hidden")
    for name, options in (("rsa", ("rsa_keygen_bits:2048",)), ("ec", ("ec_paramgen_curve:P-256",))):
        place.run("openssl", "genpkey", "-quiet", "-algorithm", name, "-pkeyopt", *options, "-out", "key.pem")
        place.run("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
        place.run("openssl", "dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "data")
        out += place.run("openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature",
                         "data")
        place.run("openssl", "req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=localhost", "-days",
                  "30", "-out", "certificate.pem")
        out += place.run("openssl", "verify", "-CAfile", "certificate.pem", "certificate.pem")
    return out


def nginx_folders(place):
    """The lines of nginx's configuration that keep its temporary files in the place."""
    return "".join(f"    {kind}_temp_path {place.path(kind)};\n"
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def nginx(place):
    port = free_port()
    os.mkdir(place.path("www"))
    pages = {f"page{i}.html": f"<p>{i}</p>\n".encode() * (i * 400 + 1) for i in range(6)}
    for name, text in pages.items():
        place.write(os.path.join("www", name), text)
    user = "user root;\n" if os.geteuid() == 0 else ""
    place.write("nginx.conf", f"""{user}daemon off;
worker_processes 2;
pid {place.path('nginx.pid')};
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
{nginx_folders(place)}    access_log {place.path('access.log')};
    gzip on; gzip_min_length 100; gzip_types text/html;
    server {{
        listen 127.0.0.1:{port};
        root {place.path('www')};
        location /again/ {{ proxy_pass http://127.0.0.1:{port}/; }}
    }}
}}
""")
    out = b""
    with place.server("nginx", "-c", place.path("nginx.conf"), "-e", "stderr", "-p", place.folder, port=port,
                      stop=signal.SIGQUIT) as process:
        url = f"http://127.0.0.1:{port}"
        for path, options in (("/page5.html", ("-k", "-H", "Accept-Encoding: gzip")), ("/page2.html", ()),
                              ("/again/page3.html", ("-k",))):
            report = place.run("ab", "-q", "-n", "1500", "-c", "8", *options, url + path, plain=True).decode()
            if not ("Complete requests:      1500\n" in report and "Failed requests:        0\n" in report
                    and "Non-2xx" not in report):
                raise Failure(report)
        process.send_signal(signal.SIGHUP)
        for name, text in pages.items():
            with urllib.request.urlopen(f"{url}/{name}", timeout=PATIENCE_SECONDS) as answer:
                got = answer.read()
            if got != text:
                raise Failure(f"nginx: {name} has other contents")
            out += name.encode() + digest(got)
    return out


def memcached(place):
    """Started by root, it gives up its privileges before it has allocated much."""
    port = free_port()
    user = ("-u", "nobody") if os.geteuid() == 0 else ()
    out = b""
    with place.server("memcached", *user, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "4", port=port):
        for first in range(4):
            with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection, \
                    connection.makefile("rwb") as stream:
                for i in range(first, 2000, 4):
                    value = b"v" * (i * 31 % 9000)
                    stream.write(b"set key%d 0 0 %d\r\n%s\r\nget key%d\r\n" % (i % 300, len(value), value, i % 300))
                    stream.flush()
                    answer = stream.readline() + stream.readline()
                    answer += stream.read(len(value) + 2) + stream.readline()
                    out += digest(answer)
    return digest(out)


def node(place):
    return place.run("node", os.path.join(HERE, "programs", "script.js"))


# By name: what it needs to be installed, its work, and the program of which a ledger must be there.
PROGRAMS = {
    "bash": (["bash"], bash, "bash"),
    "perl": (["perl"], perl, "perl"),
    "python3": (["python3"], python3, os.path.basename(os.path.realpath(PYTHON))),
    "git": (["git"], git, "git"),
    "gcc": (["gcc"], gcc, "cc1"),
    "sqlite3": (["sqlite3"], sqlite3, "sqlite3"),
    "jq": (["jq"], jq, "jq"),
    "redis": (["redis-server", "redis-benchmark", "redis-cli"], redis, "redis-check-rdb"),
    "xz": (["xz"], xz, "xz"),
    "sort": (["sort", "uniq", "cut"], sort, "sort"),
    "openssl": (["openssl"], openssl, "openssl"),
    "nginx": (["nginx", "ab"], nginx, "nginx"),
    "node": (["node"], node, "node"),
    "memcached": (["memcached"], memcached, "memcached"),
}


def is_installed(name):
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return all(shutil.which(command, path=path) for command in PROGRAMS[name][0])


def try_program(name, lmm, library, folder):
    """The three ways; raises where one differs from the plain one. Returns the number of ledgers."""
    _, work, program = PROGRAMS[name]
    books = os.path.join(folder, "ledgers")
    os.mkdir(books, 0o700)
    preload = {"LD_PRELOAD": library}
    ways = [("plain", {}),
            ("stacks=0", {**preload, "LMM_OPTIONS": "stacks=0:children=1"}),
            ("stacks=24", {**preload, "LMM_OPTIONS": f"stacks=24:children=1:keep=1:ledger={books}"})]
    expected = None
    for way, settings in ways:
        work_folder = os.path.join(folder, "work")
        shutil.rmtree(work_folder, ignore_errors=True)
        os.mkdir(work_folder)
        start = time.monotonic()
        try:
            got = work(Place(work_folder, settings))
        except (Failure, subprocess.TimeoutExpired) as failure:
            raise Failure(f"{name}, {way}: {failure}") from failure
        print(f"{name:8} {way:10} {time.monotonic() - start:6.2f} s, {len(got)} bytes", flush=True)
        if expected is None:
            expected = got
        elif got != expected:
            raise Failure(f"{name}, {way}: {describe_difference(expected, got)}")
    return reports.check_folder(lmm, books, program)


def describe_difference(expected, got):
    place = next((i for i, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
    return (f"output differs at byte {place}:\n  plain: {expected[max(0, place - 60):place + 200]!r}\n"
            f"  here:  {got[max(0, place - 60):place + 200]!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lmm")
    parser.add_argument("library")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("program", nargs="*")
    arguments = parser.parse_args()
    names = [name for name in arguments.program or PROGRAMS if is_installed(name)]
    if not names:
        print(f"skipped: not installed: {' '.join(arguments.program)}")
        return SKIPPED
    failures = 0
    for _ in range(arguments.repeat):
        for name in names:
            folder = tempfile.mkdtemp(prefix=f"lmm-{name}-")
            try:
                count = try_program(name, os.path.abspath(arguments.lmm), os.path.abspath(arguments.library),
                                    folder)
                print(f"{name:8} {count} ledgers balance", flush=True)
            except (Failure, AssertionError) as failure:
                print(f"FAILED {failure}", flush=True)
                failures += 1
            if arguments.keep:
                print(f"kept {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

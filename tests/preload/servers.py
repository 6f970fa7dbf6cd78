#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""servers.py LMM [--keep] [SERVER...]: real servers under `lmm run --children`, with load.

They do what makes books difficult: memcached gives up its privileges with threads running, nginx in each of
its workers, redis saves in a forked child while it serves, and PostgreSQL is a process for each connection.
Every client must get its answers, no ledger may be lost, and the figures of each must balance at the end.
Without names, all servers run. Status 77: the (one) server is not installed, or needs root and there is none.
"""
import argparse
import contextlib
import glob
import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from programs import SKIPPED, Failure, Place, free_port, nginx_folders

CLIENTS = 4
ROUNDS = 400


def require(condition, text):
    if not condition:
        raise Failure(text)


def run_clients(work):
    """Runs work(number) in CLIENTS threads; raises the first exception of any."""
    failures = []

    def run(number):
        try:
            work(number)
        except Exception as failure:  # it is raised below, in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Tracked(Place):
    """A place whose servers run under `lmm run --children`, which keeps their ledgers."""

    def __init__(self, folder, lmm):
        super().__init__(folder, {})
        self.lmm = lmm
        self.launcher = []  # words before lmm

    def server(self, *command, port, stop=signal.SIGTERM):
        return super().server(*self.launcher, self.lmm, "run", "--children", "-F", "json", "-o",
                              self.path("report.json"), "--", *command, port=port, stop=stop)

    def lines(self):
        return self.read("server.log").decode(errors="replace")


# ---- The servers. Each function starts one, puts load on it, and stops it.


def memcached(place):
    port = free_port()
    with place.server("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "4",
                      "-m", "256", port=port):

        def work(number):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                file = connection.makefile("rwb")
                for i in range(ROUNDS):
                    value = f"{number}.{i};".encode() * (1 + i * 7 % 3000)
                    file.write(b"set k%d.%d 0 0 %d\r\n%s\r\n" % (number, i, len(value), value))
                    file.flush()
                    require(file.readline() == b"STORED\r\n", "memcached did not store")
                    file.write(b"get k%d.%d\r\n" % (number, i))
                    file.flush()
                    file.readline()
                    require(file.read(len(value) + 2) == value + b"\r\n", "memcached has another value")
                    file.readline()

        run_clients(work)


def nginx(place):
    port = free_port()
    group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    user = f"user nobody {group};\n" if os.geteuid() == 0 else ""
    os.mkdir(place.path("www"))
    page = b"<p>a page</p>\n" * 3000
    place.write(os.path.join("www", "page.html"), page)
    os.chmod(place.folder, 0o755)
    place.write("nginx.conf", f"""{user}daemon off;
worker_processes 3;
pid {place.path('nginx.pid')};
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
{nginx_folders(place)}    access_log off;
    gzip on; gzip_min_length 100;
    server {{
        listen 127.0.0.1:{port};
        root {place.path('www')};
        location /again/ {{ proxy_pass http://127.0.0.1:{port}/; }}
    }}
}}
""")
    with place.server("nginx", "-c", place.path("nginx.conf"), "-e", "stderr", "-p", place.folder, port=port,
                      stop=signal.SIGQUIT):

        def work(number):
            for i in range(ROUNDS // 4):
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    path = "/again/page.html" if (i + number) % 2 else "/page.html"
                    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                    answer = connection.makefile("rb").read()
                require(answer.endswith(page), f"nginx answered {answer[:200]!r}")

        run_clients(work)


def redis(place):
    port = free_port()
    cli = ("redis-cli", "-h", "127.0.0.1", "-p", str(port))
    with place.server("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                      "no", "--dir", place.folder, "--io-threads", "2", port=port):

        def work(number):
            for i in range(4):
                commands = "".join(f"SET {number}.{k} {'v' * (1 + k % 300)}\nRPUSH l{number} {k}\n" for k in range(ROUNDS))
                commands += "BGSAVE SCHEDULE\n" if i % 2 else "DBSIZE\n"
                place.run(*cli, stdin=commands.encode(), plain=True)

        run_clients(work)
        # A child that still saves would outlive the server, which kills it and does not wait for it.
        while b"rdb_bgsave_in_progress:0" not in place.run(*cli, "INFO", "persistence", plain=True):
            time.sleep(0.05)
        count = place.run(*cli, "DBSIZE", plain=True)
        require(count.split() == [b"%d" % (CLIENTS * ROUNDS + CLIENTS)], f"redis has {count} keys")


def postgres_folder():
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    return os.path.dirname(folders[-1]) if folders else None


def postgres(place):
    """The server refuses to run as root, so lmm and the server run as the user postgres."""
    folder = postgres_folder()
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    data = place.path("data")
    port = free_port()
    shutil.chown(place.folder, "postgres")
    place.run(*as_postgres, os.path.join(folder, "initdb"), "-D", data, "-N", "-A", "trust", "-U", "postgres",
              plain=True)
    place.launcher = as_postgres
    psql = (*as_postgres, os.path.join(folder, "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-q",
            "-v", "ON_ERROR_STOP=1", "-At")
    with place.server(os.path.join(folder, "postgres"), "-D", data, "-p", str(port), "-k", data, "-c",
                      "listen_addresses=127.0.0.1", "-c", "fsync=off", port=port, stop=signal.SIGINT):
        while subprocess.run([*psql, "-c", "select 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             check=False).returncode != 0:
            time.sleep(0.05)  # it listens before it is ready
        place.run(*psql, "-c", "create table item(id int primary key, name text)", plain=True)

        def work(number):
            for i in range(3):
                first = (number * 3 + i) * 1000
                place.run(*psql, "-c", f"insert into item select i, 'item ' || i from generate_series({first}, "
                          f"{first + 999}) i", "-c", "select count(*), max(name) from item group by id % 7",
                          plain=True)

        run_clients(work)
        count = place.run(*psql, "-c", "select count(*) from item", plain=True)
        require(count == b"%d\n" % (CLIENTS * 3000), f"postgres has {count} rows")


def has_user(name):
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_uid != 0
    return False


# By name: what must be there, the work, and how many processes must at least have a ledger.
SERVERS = {
    "memcached": (lambda: shutil.which("memcached") and os.geteuid() == 0, memcached, 1),
    "nginx": (lambda: shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), nginx, 4),
    "redis": (lambda: shutil.which("redis-server") and shutil.which("redis-cli"), redis, 2),
    "postgres": (lambda: postgres_folder() and os.geteuid() == 0 and has_user("postgres"), postgres, 6),
}


def check(place, least):
    """The report of `lmm run`, and its messages. Returns the number of processes."""
    for line in place.lines().splitlines():
        require(not (line.startswith("lmm") and "ledger" in line), f"a message of LMM: {line}")
    with open(place.path("report.json"), encoding="utf-8") as file:
        processes = json.load(file)["processes"]
    for process in processes:
        totals = process["totals"]
        require(process["state"] != "lost" and process["settled"], f"not the books of one moment: {process}")
        require(totals["live_blocks"] == totals["allocations"] - totals["frees"] >= 0,
                f"live is not allocated - freed: {process}")
        require(totals["peak_bytes"] >= totals["live_bytes"] >= 0, f"the peak is below what lives: {process}")
    require(len(processes) >= least, f"{len(processes)} processes, expected at least {least}")
    require(sum(process["totals"]["allocations"] for process in processes) > 0, "nothing was counted")
    return len(processes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lmm")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    parser.add_argument("server", nargs="*")
    arguments = parser.parse_args()
    names = [name for name in arguments.server or SERVERS if SERVERS[name][0]()]
    if not names:
        print(f"skipped: not installed, or not root: {' '.join(arguments.server)}")
        return SKIPPED
    failures = 0
    for name in names:
        _, work, least = SERVERS[name]
        place = Tracked(tempfile.mkdtemp(prefix=f"lmm-{name}-"), os.path.abspath(arguments.lmm))
        try:
            work(place)
            print(f"{name:10} {check(place, least)} processes balance", flush=True)
        except (Failure, AssertionError, OSError, subprocess.SubprocessError) as failure:
            print(f"{place.lines()[-3000:]}\nFAILED {name}: {failure}", flush=True)
            failures += 1
        if arguments.keep:
            print(f"kept {place.folder}")
        else:
            shutil.rmtree(place.folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

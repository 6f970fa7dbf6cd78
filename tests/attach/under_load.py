#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""under_load.py LMM FOLDER [--repeat N] [--keep] [PROGRAM...]: `lmm attach` to programs that are hard at work.

Each is attached to while it runs, or its clients do; then come a report, a leak check, and a detach, after which it
goes on for a while and must end by itself, with its own exit status. Status 77: the (one) program is not installed, or
ptrace or a real-time priority is not allowed here.
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SKIPPED = 77
PATIENCE = 60


class Failure(Exception):
    pass


def require(condition, text):
    if not condition:
        raise Failure(text)


class Load:
    """Calls work(number) again and again in some threads; any exception is raised at the end."""

    def __init__(self, work, threads=3):
        self.over = threading.Event()
        self.failures = []
        self.rounds = 0
        self.threads = [threading.Thread(target=self.run, args=(work, number)) for number in range(threads)]

    def run(self, work, number):
        try:
            while not self.over.is_set():
                work(number)
                self.rounds += 1
        except Exception as failure:  # it is raised below, in the main thread
            self.failures.append(failure)

    def wait_for_rounds(self, count):
        aim = self.rounds + count
        end = time.monotonic() + PATIENCE
        while self.rounds < aim and not self.failures:
            require(time.monotonic() < end, "the clients get no answers any more")
            time.sleep(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_for_rounds(1)
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures and kind is None:
            raise self.failures[0]


class Place:
    def __init__(self, folder, lmm, programs):
        self.folder = folder
        self.lmm = lmm
        self.programs = programs
        self.environment = dict(os.environ, LMM_DIR=os.path.join(folder, "ledgers"))
        os.mkdir(self.environment["LMM_DIR"], 0o700)
        os.chmod(folder, 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_lmm(self, *words):
        return subprocess.run([self.lmm, *words], env=self.environment, timeout=PATIENCE, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")

    def expect(self, *words):
        result = self.run_lmm(*words)
        require(result.returncode == 0, f"lmm {' '.join(words)}: {result.returncode}\n{result.stderr}")
        return result

    @contextlib.contextmanager
    def process(self, *command, stop=signal.SIGTERM, status, says_ready=True, preload=""):
        """The program, until it is stopped, and ends with that status; nothing is left behind."""
        with open(self.path("errors"), "w+", encoding="utf-8") as errors:
            process = subprocess.Popen(command, env=dict(self.environment, LD_PRELOAD=preload), stdin=subprocess.DEVNULL, stderr=errors,
                                       stdout=subprocess.PIPE if says_ready else errors, encoding="utf-8")
            try:
                require(not says_ready or process.stdout.readline() == "ready\n", "the program does not start")
                yield process
                if stop is not None:
                    process.send_signal(stop)
                got = process.wait(PATIENCE)
                errors.seek(0)
                require(got == status, f"the program ended with {got}, not {status}: {errors.read()[-2000:]}")
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def figures(self, pid):
        return json.loads(self.expect("report", "-F", "json", str(pid)).stdout)

    def attach(self, pid, load=None):
        """Attaches, looks, and detaches; the clients, or the program's own threads, work on."""
        def some_work():
            if load is None:
                time.sleep(0.2)
            else:
                load.wait_for_rounds(20)

        result = self.run_lmm("attach", str(pid))
        require(result.returncode == 0, f"attach: {result.stderr}")
        print(result.stderr.strip(), flush=True)
        some_work()
        self.look(pid)
        some_work()
        self.expect("detach", str(pid))
        report = self.counts_no_more(pid, some_work)
        require(report["process"]["detach_time_ns"] > report["process"]["attach_time_ns"] > 0, report["process"])

    def counts_no_more(self, pid, work):
        """The figures once work() adds nothing: a call that was under way at the detach may be counted later."""
        end = time.monotonic() + PATIENCE
        before = None
        while allocations(report := self.figures(pid)) != before:
            require(time.monotonic() < end, "it counts after the detach")
            before = allocations(report)
            work()
        return report

    def look(self, pid):
        report = self.figures(pid)
        require(allocations(report) > 0, "nothing was counted")
        require(report["process"]["attach_time_ns"] > 0 and report["process"]["detach_time_ns"] == 0, report["process"])
        self.expect("leaks", str(pid))


def allocations(report):
    return sum(family["allocations"] for family in report["families"])


def connect(path):
    end = time.monotonic() + PATIENCE
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            connection.settimeout(PATIENCE)
            return connection
        except OSError:
            connection.close()
            require(time.monotonic() < end, "the server does not listen")
            time.sleep(0.02)


# ---- The programs


def bound(place):
    with place.process(os.path.join(place.programs, "bound"), "4", status=7) as process:
        place.attach(process.pid)


@contextlib.contextmanager
def urgency(priority):
    """This process, but none that it starts, has a real-time priority, and one processor is all they have."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, processors)


def real_time(place):
    """Threads of real-time priority use up the processor that lmm runs on."""
    def schedule(policy, priority):
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            os.sched_setscheduler(int(thread), policy, os.sched_param(priority))

    with urgency(20), place.process(os.path.join(place.programs, "bound"), "1", status=7) as process:
        schedule(os.SCHED_FIFO, 10)
        place.expect("attach", str(process.pid))
        schedule(os.SCHED_OTHER, 0)
        place.look(process.pid)
        place.expect("detach", str(process.pid))


def waiting(place):
    with place.process(os.path.join(place.programs, "waiting"), status=5) as process:
        place.expect("attach", str(process.pid))
        process.send_signal(signal.SIGUSR1)
        require(process.stdout.readline() == "allocated\n", "the thread did not wake up")
        leaks = place.expect("leaks", str(process.pid)).stdout
        require("1,234 bytes in 1 block" in leaks and "4,321 bytes in 1 block" in leaks, leaks)
        require("SUMMARY: 1 block, 1234 bytes definitely lost" in leaks, leaks)
        place.expect("detach", str(process.pid))
        process.send_signal(signal.SIGUSR1)
        require(process.stdout.readline() == "allocated\n", "the thread did not wake up after the detach")
        require(allocations(place.figures(process.pid)) == 2, "it counts after the detach")
        place.expect("attach", str(process.pid))
        process.send_signal(signal.SIGUSR1)
        require(process.stdout.readline() == "allocated\n", "the thread did not wake up at last")
        require(allocations(place.figures(process.pid)) == 4, "it does not count again")
        place.expect("detach", str(process.pid))
        shown = place.expect("attach", "--for", "200ms", str(process.pid))
        require("since the attach, " in shown.stdout and "LMM: usage report" in shown.stdout, shown.stdout)
        require("detached" in place.run_lmm("detach", str(process.pid)).stderr, "it did not detach by itself")


def server(place):
    path = place.path("socket")
    lines = threading.local()

    def ask(line):
        if not hasattr(lines, "file"):
            lines.file = connect(path).makefile("rw")
            lines.answers = {}
        lines.file.write(line + "\n")
        lines.file.flush()
        reply = lines.file.readline().strip()
        require(reply != "" and lines.answers.setdefault(line, reply) == reply, f"{line}: {reply!r}")
        return reply

    def work(number):
        for i in range(5):
            ask(f"line {number} {i}")
        require(ask("fork") == "child 3", "a child failed")

    with place.process(os.path.join(place.programs, "server"), path, stop=None, status=9) as process:
        with Load(work) as load:
            place.attach(process.pid, load)
        connect(path).sendall(b"end\n")


def forks(place):
    def work(_):
        time.sleep(0.01)

    with place.process(os.path.join(place.programs, "forks"), status=6) as process:
        def rounds():
            process.send_signal(signal.SIGUSR1)
            return int(process.stdout.readline())

        with Load(work, threads=1) as load:
            place.attach(process.pid, load)
        before = rounds()
        wait_for(lambda: rounds() > before + 20, "the program forks no more")


def tables(place, program, way="by the tables (GOT) of ", preload="stubborn.so"):
    """A malloc whose entries cannot be led: by the tables of all modules, also of one that is loaded later."""
    def load_plugin():
        process.send_signal(signal.SIGUSR1)
        require(process.stdout.readline() == "loaded\n", "the module is not loaded")

    with place.process(os.path.join(place.programs, program), os.path.join(place.programs, "plugin.so"), status=11,
                       preload=preload and os.path.join(place.programs, preload)) as process:
        result = place.expect("attach", str(process.pid))
        print(result.stderr.strip(), flush=True)
        require(way in result.stderr and result.stderr.count("\n") == 1, result.stderr)
        load_plugin()
        place.look(process.pid)
        place.expect("detach", str(process.pid))
        before = allocations(place.counts_no_more(process.pid, load_plugin))
        place.expect("attach", str(process.pid))
        load_plugin()
        require(allocations(place.figures(process.pid)) > before, "it does not count again")


def tables_lazy(place):
    tables(place, "tables_lazy")


def tables_relro(place):
    tables(place, "tables_relro")


def tables_linked(place):
    """The malloc is part of the program."""
    tables(place, "tables_linked", "by their entries", "")


def waiting_hidden(place):
    """The program calls a malloc of its own that it does not export: that is told."""
    with place.process(os.path.join(place.programs, "waiting_hidden"), status=5) as process:
        result = place.expect("attach", str(process.pid))
        require("waiting_hidden has a malloc of its own (malloc) that it does not export" in result.stderr, result.stderr)


def mallocs(place, library):
    with place.process(os.path.join(place.programs, "mallocs"), status=8, preload=library) as process:
        place.attach(process.pid)
        place.expect("attach", str(process.pid))  # once more: blocks of both now


def glibc(place):
    mallocs(place, "")


def jemalloc(place):
    mallocs(place, "libjemalloc.so.2")


def tcmalloc(place):
    mallocs(place, "libtcmalloc_minimal.so.4")


def mimalloc(place):
    mallocs(place, "libmimalloc.so.2")


def python3(place):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "imports.py")
    with place.process("/usr/bin/python3", "-I", script, status=3) as process:
        place.attach(process.pid)


def redis(place):
    path = place.path("socket")

    def work(_):
        subprocess.run(["redis-benchmark", "-s", path, "-q", "-n", "500", "-c", "10", "-r", "1000", "-d", "200", "-t",
                        "set,get,incr,lpush,lpop,sadd,hset,zadd,mset"], check=True, stdout=subprocess.DEVNULL,
                       timeout=PATIENCE)

    def cli(*words):
        return subprocess.run(["redis-cli", "-s", path, *words], stdout=subprocess.PIPE, encoding="utf-8",
                              timeout=PATIENCE).stdout.strip()

    with place.process("redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", place.folder,
                       says_ready=False, status=0) as process:
        connect(path).close()
        cli("set", "before", "x" * 5000)
        with Load(work, threads=1) as load:
            place.expect("attach", str(process.pid))
            load.wait_for_rounds(1)
            cli("append", "before", "y" * 50000)
            require(cli("get", "before") == "x" * 5000 + "y" * 50000, "a value has changed")
            cli("bgsave")
            place.look(process.pid)
            cli("memory", "purge")
            cli("flushall")
            load.wait_for_rounds(1)
            place.expect("detach", str(process.pid))
            load.wait_for_rounds(1)
        require(cli("ping") == "PONG", "it does not answer")


def nginx(place):
    port = free_port()
    page = b"<p>a page</p>\n" * 3000
    os.mkdir(place.path("www"))
    with open(place.path("www/page.html"), "wb") as file:
        file.write(page)
    user = "user root;\n" if os.geteuid() == 0 else ""
    with open(place.path("nginx.conf"), "w", encoding="utf-8") as file:
        file.write(f"""{user}daemon off;
worker_processes 1;
pid {place.path('nginx.pid')};
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
    client_body_temp_path {place.folder}; proxy_temp_path {place.folder}; fastcgi_temp_path {place.folder};
    uwsgi_temp_path {place.folder}; scgi_temp_path {place.folder}; access_log off;
    gzip on; gzip_min_length 100;
    server {{
        listen 127.0.0.1:{port};
        root {place.path('www')};
        location /again/ {{ proxy_pass http://127.0.0.1:{port}/; }}
    }}
}}
""")

    def work(number):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            path = "/again/page.html" if number % 2 else "/page.html"
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = connection.makefile("rb").read()
        require(answer.endswith(page), f"nginx answered {answer[:200]!r}")

    with place.process("nginx", "-c", place.path("nginx.conf"), "-e", "stderr", "-p", place.folder, says_ready=False,
                       stop=signal.SIGQUIT, status=0) as process:
        wait_for_port(port)
        wait_for(lambda: len(children_of(process.pid)) == 1, "nginx has no worker")
        worker, = children_of(process.pid)
        with Load(work) as load:
            place.attach(worker, load)
            place.expect("attach", str(process.pid))  # the first process; its next worker is not counted
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: children_of(process.pid) not in ([worker], []), "nginx has no new worker")
            load.wait_for_rounds(50)
            place.look(process.pid)
            place.expect("detach", str(process.pid))


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def wait_for(condition, text):
    end = time.monotonic() + PATIENCE
    while not condition():
        require(time.monotonic() < end, text)
        time.sleep(0.05)


def wait_for_port(port):
    def answers():
        with contextlib.closing(socket.socket()) as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0

    wait_for(answers, "the server does not listen")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PROGRAMS = {function.__name__: function for function in (
    bound, real_time, waiting, server, forks, tables_lazy, tables_relro, tables_linked, waiting_hidden, glibc, jemalloc, tcmalloc, mimalloc, python3, redis, nginx)}
NEEDED = {"python3": "/usr/bin/python3", "redis": "redis-server", "nginx": "nginx"}
LIBRARIES = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2"}


def may_be_urgent():
    try:
        with urgency(20):
            return True
    except PermissionError:
        return False


def is_installed(name):
    if name == "real_time":
        return may_be_urgent()
    if name in LIBRARIES:  # the loader tells that it lacks one
        return subprocess.run(["true"], env=dict(os.environ, LD_PRELOAD=LIBRARIES[name]), check=True,
                              stderr=subprocess.PIPE).stderr == b""
    return shutil.which(NEEDED.get(name, "sh")) is not None


def run_once(name, arguments):
    folder = tempfile.mkdtemp(prefix="lmm-attach-")
    try:
        PROGRAMS[name](Place(folder, arguments.lmm, arguments.folder))
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmm")
    parser.add_argument("folder")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    arguments = parser.parse_intermixed_args()
    failures = skipped = 0
    for name in arguments.programs or PROGRAMS:
        if not is_installed(name):
            print(f"{name}: not possible here")
            skipped += 1
            continue
        for turn in range(arguments.repeat):
            try:
                run_once(name, arguments)
            except (Failure, subprocess.SubprocessError, OSError) as failure:
                if "ptrace" in str(failure):
                    print(f"{name}: {failure}")
                    sys.exit(SKIPPED)
                print(f"{name}, turn {turn + 1}: {type(failure).__name__}: {failure}", flush=True)
                failures += 1
    return 1 if failures else SKIPPED if skipped and len(arguments.programs) == 1 else 0


if __name__ == "__main__":
    sys.exit(main())

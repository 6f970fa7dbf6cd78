#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""real.py gate|compare LMM [--options KEY=VALUE:...] [PROGRAM...]: what LMM calls definitely lost in real programs.

gate: everyday commands, none of which loses memory; `lmm run --error-exitcode` must pass them.
compare: larger programs under LMM and under Valgrind. What LMM calls definitely lost, and Valgrind does not call lost
in any way, is a failure. Blocks are compared by the module that asked for them: a module may have no more definitely
lost blocks and bytes under LMM than lost ones under Valgrind. Without Valgrind, or where a program does not run
under it, LMM may call nothing definitely lost.
Programs that are not installed are skipped; status 77: all are.
"""
import collections
import concurrent.futures
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

SKIPPED = 77
FAILS = 9
SECONDS = 900
ATTEMPTS = 3    # under Valgrind: threads may end before the program or not
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(os.path.dirname(HERE), "preload", "programs")
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"

EVERYDAY = [
    ["ls", "-la", "/usr/bin"], ["cat", "/etc/passwd"], ["sed", "-n", "s/root/x/p", "/etc/passwd"],
    ["head", "-n", "3", "/etc/passwd"], ["wc", "/etc/passwd"],
    ["cut", "-d:", "-f1", "/etc/passwd"], ["uniq", "/etc/passwd"], ["env"],
    ["id"], ["du", "-s", "/etc/ssl"], ["find", "/etc/ssl"], ["basename", "/a/b"],
    ["printf", "%s", "x"], ["touch", "made"], ["mkdir", "-p", "made.d/a/b"],
    ["gzip", "-c", "/etc/passwd"], ["cmp", "/etc/passwd", "/etc/passwd"], ["seq", "1", "1000"], ["bash", "-c", "true"],
    ["tar", "-cf", "made.tar", "/etc/ssl"], ["readlink", "-f", "/bin/sh"], ["sqlite3", ":memory:", "select 1"],
]

C_SOURCE = '#include <stdio.h>\nint main(void) { puts("x"); return 0; }\n'
NGINX = ("error_log {0}/error.log; pid {0}/pid; events {{}} http {{ access_log off; client_body_temp_path {0}/body; "
         "proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; "
         "server {{ listen unix:{0}/socket; }} }}")

# The command of each program: {folder} is a folder of its own, {scripts} that of the scripts of tests/preload.
LARGE = {
    "bash": ["bash", "{scripts}/script.bash"],
    "perl": ["perl", "{scripts}/script.pl"],
    "python3": ["python3", "{scripts}/script.py"],
    "git": ["git", "diff", "--no-index", "--stat", "{scripts}/script.py", "{scripts}/script.pl"],
    "sqlite3": ["sqlite3", "{folder}/db", "create table t(a, b); insert into t values (1, 2), (3, 4);"
                "select sum(b) from t;"],
    "jq": ["jq", "-n", "[range(1000) | {{a: ., b: tostring}}] | map(.a) | add"],
    "gcc": ["{cc1}", "-quiet", "{folder}/a.c", "-o", "{folder}/a.s"],
    "clang": ["clang", "-fsyntax-only", "-fintegrated-cc1", "{folder}/a.c"],
    "vim": ["vim", "-Nu", "NONE", "-es", "-c", "normal ihello", "-c", "wq", "{folder}/text"],
    "redis-server": ["redis-server", "--port", "0", "--save", "", "--unixsocket", "{folder}/socket"],
    "nginx": ["nginx", "-p", "{folder}", "-c", "conf", "-g", "daemon off; master_process off;"],
    "postgres": ["{postgres}", "--single", "-D", "{folder}/data", "postgres"],
    "node": ["node", "{scripts}/script.js"],
    "java": ["java", "-Xshare:auto", "-Xmx128m", "-version"],
    "sort": ["sort", "/etc/passwd"],
    "tail": ["tail", "/etc/passwd"],
    "awk": ["awk", "-F:", "{{n += length($1)}} END {{print n}}", "/etc/passwd"],
    "openssl": ["openssl", "sha256", "/etc/passwd"],
}

# Servers are told to end by this command, until they have ended: nginx does not notice a signal that comes just before
# it waits for events.
STOP = {
    "redis-server": ["redis-cli", "-s", "{folder}/socket", "shutdown", "nosave"],
    "nginx": ["nginx", "-p", "{folder}", "-c", "conf", "-s", "quit"],
}

AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


class Program:
    """One program, in a folder of its own."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.environment = dict(os.environ, PATH=PATH, HOME=folder, LMM_DIR=folder, LC_ALL="C.UTF-8",
                                TERM="vt100", GIT_CONFIG_GLOBAL="/dev/null")
        self.names = {"folder": folder, "scripts": SCRIPTS, "postgres": "", "cc1": ""}
        self.launcher = []
        self.write("a.c", C_SOURCE)
        self.write("conf", NGINX.format(folder))
        if name == "gcc":
            self.names["cc1"] = self.output("gcc", "-print-prog-name=cc1").strip()
        if name == "postgres":
            self.prepare_postgres()
        self.command = [word.format(**self.names) for word in LARGE[name]]

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def output(self, *command):
        return subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE,
                              encoding="utf-8").stdout

    def prepare_postgres(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        if found and os.geteuid() == 0:
            self.names["postgres"] = found[-1]
            self.launcher = AS_POSTGRES
            shutil.chown(self.folder, "postgres")
            self.output(*AS_POSTGRES, os.path.join(os.path.dirname(found[-1]), "initdb"), "-N", "-D",
                        os.path.join(self.folder, "data"))

    def is_installed(self):
        return bool(self.command[0]) and shutil.which(self.command[0], path=PATH) is not None

    def run(self, *tool):
        """Runs the program under the tool to its end."""
        with open(os.path.join(self.folder, "output"), "wb") as output, subprocess.Popen(
                [*self.launcher, *tool, *self.command], env=self.environment, cwd=self.folder, stdout=output,
                stderr=output, stdin=subprocess.PIPE) as process:
            process.stdin.write(b"select 1 + 2;\n" if self.name == "postgres" else b"")
            process.stdin.close()
            self.stop(process)
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def stop(self, process):
        command = [word.format(**self.names) for word in STOP.get(self.name, [])]
        end = time.monotonic() + SECONDS
        while command and process.poll() is None and time.monotonic() < end:
            is_told = subprocess.run(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     check=False).returncode == 0
            try:
                process.wait(5 if is_told else 0.2)
            except subprocess.TimeoutExpired:
                pass


def by_lmm(program, lmm, options):
    """{module: [definitely lost blocks, bytes, text of the stacks]}; None: it was not checked."""
    path = os.path.join(program.folder, "report.json")
    more = ["--options", options] if options else []
    program.run(lmm, "run", "--leaks", "--full", "--format", "json", "-o", path, *more, "--")
    with open(path, encoding="utf-8") as file:
        process = next(process for process in json.load(file)["processes"] if process["is_program"])
    if process["check"] is None:
        return None
    found = collections.defaultdict(lambda: [0, 0, []])
    for row in process["lost"]:
        for stack in row["stacks"] if row["kind"] == "definite" else []:
            entry = found[stack["calls"][0]["module"] if stack["calls"] else ""]
            entry[0] += stack["direct"]["blocks"]
            entry[1] += stack["direct"]["bytes"]
            entry[2].append(" < ".join(call["function"] for call in stack["calls"][:8]))
    return found


def by_valgrind(program):
    """{module: [lost blocks, bytes]}, of all three classes; None: it does not run there."""
    path = os.path.join(program.folder, "valgrind.%p.xml")
    program.run("valgrind", "--leak-check=full", "--smc-check=all-non-file", "--xml=yes", "--xml-file=" + path)
    found = collections.defaultdict(lambda: [0, 0])
    try:
        paths = glob.glob(path.replace("%p", "*"))
        errors = xml.etree.ElementTree.parse(min(paths)).iter("error")
    except (ValueError, xml.etree.ElementTree.ParseError):
        return None
    for error in errors:
        if error.findtext("kind", "").startswith("Leak_"):
            objects = [frame.findtext("obj", "") for frame in error.iter("frame")]
            module = next((each for each in objects if "vgpreload" not in each), "")
            entry = found[os.path.basename(module)]
            entry[0] += int(error.findtext("xwhat/leakedblocks"))
            entry[1] += int(error.findtext("xwhat/leakedbytes"))
    return found


def is_more(ours, theirs):
    """Whether LMM calls more blocks or bytes of a module lost than Valgrind."""
    blocks, size = theirs or (0, 0)
    return ours[0] > blocks or ours[1] > size


def compare(name, lmm, options):
    """A line about the program, and whether it is right; None: it is not installed."""
    with tempfile.TemporaryDirectory(prefix="lmm-real-") as folder:
        program = Program(name, folder)
        if not program.is_installed():
            return f"{name}: not installed", None
        ours = by_lmm(program, lmm, options)
        if ours is None:
            return f"{name}: was not checked", False
        theirs = {}
        for _ in range(ATTEMPTS if ours and shutil.which("valgrind") else 0):
            theirs = by_valgrind(program) or {}
            if not any(is_more(entry, theirs.get(module)) for module, entry in ours.items()):
                break
        lines = [f"{name}: {sum(entry[0] for entry in ours.values())} blocks definitely lost"]
        is_right = True
        for module, (blocks, size, stacks) in ours.items():
            there = theirs.get(module, [0, 0])
            lines.append(f"  {module}: {blocks} blocks, {size} bytes; Valgrind: lost {there[0]} blocks, {there[1]} bytes")
            if is_more(ours[module], there):
                is_right = False
                lines += ["    " + stack for stack in stacks]
        return "\n".join(lines), is_right


def check_everyday(command, lmm, options):
    if shutil.which(command[0], path=PATH) is None:
        return f"{command[0]}: not installed", None
    with tempfile.TemporaryDirectory(prefix="lmm-real-") as folder:
        more = ["--options", options] if options else []
        result = subprocess.run([lmm, "run", "--leaks", "--error-exitcode", str(FAILS), *more, "--", *command],
                                env=dict(os.environ, PATH=PATH, LMM_DIR=folder, LC_ALL="C.UTF-8"), cwd=folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                encoding="utf-8", errors="replace", timeout=SECONDS, check=False)
        is_right = result.returncode == 0 and "definitely lost:" in result.stderr
        return f"{' '.join(command)}: status {result.returncode}" + ("" if is_right else "\n" + result.stderr[:1000]), is_right


def main():
    mode, lmm, *words = sys.argv[1:]
    options = words.pop(0).removeprefix("--options=") if words and words[0].startswith("--options=") else None
    lmm = os.path.abspath(lmm)
    if mode == "gate":
        tasks = [(command, check_everyday) for command in EVERYDAY]
    else:
        tasks = [(name, compare) for name in words or LARGE]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda task: task[1](task[0], lmm, options), tasks))
    for text, _ in results:
        print(text)
    done = [is_right for _, is_right in results if is_right is not None]
    if not done:
        return SKIPPED
    print(f"{len(done)} programs, {done.count(False)} failures")
    return 0 if all(done) else 1


sys.exit(main())

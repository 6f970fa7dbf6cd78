# SPDX-License-Identifier: MIT
"""The programs that bench/programs measures, and their inputs.

Scripts are in the folder work/. The other inputs are generated, always the same, into one folder; they
are written again only if this file has changed.
"""
import glob
import hashlib
import json
import os
import random
import shutil
import subprocess

JSON_OBJECTS = 120_000
C_FUNCTIONS = 250  # some 9,000 lines
SQL_ROWS = 1_000_000
TEXT_LINES = 250_000
COMMITS = 1_200
REDIS_KEYS = 200_000
TABLE_ROWS = 200_000

# The keys are in another order than the rows (a multiplicative hash), so the index must sort.
SQL_SCRIPT = f"""\
CREATE TABLE item (id INTEGER PRIMARY KEY, hash INTEGER, name TEXT, price REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SQL_ROWS})
INSERT INTO item SELECT i, i * 2654435761 % 4294967296,
    printf('item %08x', i * 2654435761 % 4294967296), i % 1000 / 10.0 FROM n;
CREATE INDEX item_name ON item (name, price);
SELECT count(*), min(name), max(name) FROM item INDEXED BY item_name;
"""

JQ_FILTER = "map(select(.active) | {name, city, score, tags: (.tags | length)})"

# PostgreSQL's server is not in PATH on Debian.
POSTGRESQL_PATH = ":".join(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True) +
                           [os.environ.get("PATH", "")])
# Root, as another user in a namespace of its own, where root's files are that user's.
AS_USER = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []

# In single-user mode a line is a statement.
POSTGRESQL_QUERIES = f"""\
create temp table item as select i as id, 'item ' || (i * 7919 % 200017) as name, i % 977 as kind from generate_series(1, {TABLE_ROWS}) i;
create index on item (name);
analyze item;
select kind, count(*), min(name), string_agg(name, ',' order by name) from item where kind < 5 group by kind order by kind;
select count(*), sum(length(j::text)) from (select json_build_object('id', id, 'name', name) as j from item) s;
select count(*) from (select a.id, row_number() over (partition by a.kind order by b.name desc) from item a join item b using (name)) s;
select md5(string_agg(x, '')) from (select array_to_string(array_agg(upper(name) order by id), '-') as x from item group by kind order by kind) s;
do $$ declare total bigint := 0; names text[] := '{{}}'; begin for i in 1..30000 loop total := total + length(format('%s-%s', i, md5(i::text))); if i % 50 = 0 then names := names || i::text; end if; end loop; raise log '% %', total, cardinality(names); end $$;
"""

REDIS_QUERIES = """\
DBSIZE
GET key199999
HLEN hash4999
LRANGE list699 0 5
ZRANGE set49 0 5 WITHSCORES
"""

# `R` is a script that starts this.
R_HOME = "/usr/lib/R"
R_PROGRAM = os.path.join(R_HOME, "bin/exec/R")

HERE = os.path.dirname(os.path.abspath(__file__))

WORDS = ("amber birch cedar delta ember fjord grove heath inlet jetty knoll larch marsh north ocean"
         " plain quarry ridge shore tarn upland vale weir yew zephyr").split()


# ---- Inputs ------------------------------------------------------------------------------------

def write_json(path):
    numbers = random.Random(1)
    people = [{
        "id": i,
        "name": " ".join(numbers.choices(WORDS, k=2)),
        "city": numbers.choice(WORDS) + numbers.choice(WORDS),
        "score": round(numbers.random() * 100, 3),
        "active": numbers.random() < 0.5,
        "tags": numbers.choices(WORDS, k=numbers.randrange(5)),
        "place": {"lat": round(numbers.uniform(-90, 90), 5),
                  "lon": round(numbers.uniform(-180, 180), 5)},
    } for i in range(JSON_OBJECTS)]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(people, file)


def expression(numbers, names, depth):
    if depth == 0:
        return numbers.choice([*names, str(numbers.randrange(1, 1000)) + "u"])
    left = expression(numbers, names, depth - 1)
    right = expression(numbers, names, numbers.randrange(depth))
    operator = numbers.choice(["+", "-", "*", "^", "&", "|"])
    return f"({left} {operator} {right})"


def c_function(numbers, index):
    """A function of about 25 lines: loops, a switch, memory, and calls of earlier functions."""
    names = ["a", "b", "c", "x"]
    lines = ["", f"unsigned work_{index}(struct item *item, unsigned a, unsigned b)", "{",
             f"    unsigned c = {expression(numbers, names[:2], 2)};",
             "    unsigned x = item->key;",
             "", f"    for (unsigned i = 0; i < (a & {numbers.randrange(7, 64)}u); i++) {{"]
    for _ in range(3):
        lines.append(f"        {numbers.choice('abcx')} += {expression(numbers, names, 3)};")
        lines.append(f"        item->word[i & {numbers.choice([3, 7])}] "
                     f"{numbers.choice(['+=', '^=', '='])} {expression(numbers, names, 2)};")
    lines.append("    }")
    lines.append(f"    switch ({expression(numbers, names, 1)} & 7) {{")
    for case in range(4):
        lines.append(f"    case {case}:")
        if index:
            lines.append(f"        x = work_{numbers.randrange(index)}(item, "
                         f"{expression(numbers, names, 1)}, c);")
        lines.append(f"        item->{numbers.choice(['key', 'word[1]'])} = "
                     f"{expression(numbers, names, 2)};")
        lines.append("        break;")
    lines += ["    default:", "        item = item->next ? item->next : item;", "    }",
              f"    return item->word[a & 7] ^ {expression(numbers, names, 2)};", "}"]
    return lines


def write_c(path):
    """A C file without #include, so that it does not depend on the machine."""
    numbers = random.Random(2)
    lines = ["struct item {", "    struct item *next;", "    unsigned key;",
             "    unsigned word[8];", "};"]
    for index in range(C_FUNCTIONS):
        lines += c_function(numbers, index)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def write_lines(path):
    """Lines that repeat in part, for a compressor."""
    numbers = random.Random(3)
    with open(path, "w", encoding="utf-8") as file:
        for i in range(TEXT_LINES):
            file.write(f"{numbers.randrange(1_000_000)} a line of text, number {i % 777} "
                       f"{numbers.choice(WORDS)}\n")


def commit_lines():
    """The input of `git fast-import`: commits, each of which changes some lines of some files."""
    numbers = random.Random(4)
    files = {f"folder{i % 7}/file{i}.txt": [f"line {k} of {i}" for k in range(200)]
             for i in range(60)}
    for commit in range(COMMITS):
        yield "commit refs/heads/main"
        yield f"committer A <a@example.org> {1_760_000_000 + commit} +0000"
        yield from data_lines(f"commit {commit}")
        for name in numbers.sample(sorted(files), 8):
            for _ in range(5):
                files[name][numbers.randrange(200)] = " ".join(numbers.choices(WORDS, k=6))
            yield f"M 644 inline {name}"
            yield from data_lines("\n".join(files[name]) + "\n")


def data_lines(text):
    return [f"data {len(text)}", text]


def write_repository(path):
    shutil.rmtree(path, ignore_errors=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], check=True,
                   input="\n".join(commit_lines()).encode())


def write_redis(path):
    with open(path, "w", encoding="utf-8") as file:
        for i in range(REDIS_KEYS):
            file.write(f"SET key{i} {'v' * (i % 100)}{i}\nHSET hash{i % 5000} field{i} {i * 7}\n"
                       f"RPUSH list{i % 700} {i}\nZADD set{i % 50} {i * 31 % 10007} member{i}\n")
            if i % 3 == 0:
                file.write(f"DEL key{i // 2}\n")


def write_cluster(path):
    """An empty cluster of PostgreSQL's."""
    shutil.rmtree(path, ignore_errors=True)
    initdb = shutil.which("initdb", path=POSTGRESQL_PATH)
    subprocess.run([*AS_USER, initdb, "-D", path, "-A", "trust", "-U", "bench", "--no-locale", "-E", "UTF8"],
                   check=True, stdout=subprocess.DEVNULL)


def write_text(text):
    def write(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return write


# By name: how it is written, and the program that is needed for it.
INPUTS = {
    "people.json": (write_json, None),
    "work.c": (write_c, None),
    "index.sql": (write_text(SQL_SCRIPT), None),
    "lines.txt": (write_lines, None),
    "commits.git": (write_repository, "git"),
    "commands.redis": (write_redis, None),
    "queries.redis": (write_text(REDIS_QUERIES), None),
    "cluster": (write_cluster, "postgres"),
    "queries.sql": (write_text(POSTGRESQL_QUERIES), None),
}


def generate(folder):
    """Writes the inputs that are missing, or all if those in the folder are of another version."""
    with open(__file__, "rb") as file:
        version = hashlib.sha256(file.read()).hexdigest()
    stamp = os.path.join(folder, "version")
    try:
        with open(stamp, encoding="utf-8") as file:
            is_current = file.read() == version
    except FileNotFoundError:
        is_current = False
    os.makedirs(folder, exist_ok=True)
    for name, (write, tool) in INPUTS.items():
        path = os.path.join(folder, name)
        if (not is_current or not os.path.exists(path)) and (tool is None or find_tool(tool)):
            write(path)
    write_text(version)(stamp)


# ---- The programs ------------------------------------------------------------------------------

def find_tool(name):
    """The system's own program if it exists, because the first one in PATH may be a wrapper."""
    if name == "postgres":
        return shutil.which(name, path=POSTGRESQL_PATH)
    return shutil.which(name, path="/usr/bin") or shutil.which(name)


def compiler_proper():
    """The compiler itself, because gcc only starts other programs. None if it is not installed."""
    if not shutil.which("gcc"):
        return None
    answer = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True,
                            check=False)
    path = answer.stdout.strip()
    return path if os.path.isabs(path) and os.access(path, os.X_OK) else None


class Client:
    """What is done with a server while it runs; its output is compared."""

    def __init__(self, *command, stdin=os.devnull):
        self.command = command
        self.stdin = stdin


class Program:
    """A whole program.

    path: None if it is not installed. It runs in an empty folder; what it prints and the files that it
    leaves there must be the same in all ways. A server, which has clients, listens on the socket "socket"
    there; its clients stop it, and only their output is compared. prefix: words before its command that
    are not measured.
    """

    def __init__(self, name, about, path, *arguments, stdin=os.devnull, prefix=(), clients=(),
                 package=None, **environment):
        self.name = name
        self.about = about
        self.command = [path, *arguments] if path and os.access(path, os.X_OK) else None
        self.stdin = stdin
        self.prefix = list(prefix)
        self.clients = list(clients)
        self.package = package or name
        self.environment = environment


def programs(data):
    """All programs. data: the folder of the inputs."""
    def file(name):
        return os.path.join(data, name)

    def script(name):
        return os.path.join(HERE, "work", name)

    redis_cli = [find_tool("redis-cli"), "-s", "socket"]
    return [
        Program("octave", "cells, structs, strings, a tree, small matrices", find_tool("octave-cli"),
                "-f", "-q", script("trees.m")),
        # -S: without the machine's packages. With malloc, each object is a block of malloc's.
        Program("python3", "lists, tuples and strings, with PYTHONMALLOC=malloc",
                find_tool("python3"), "-S", script("records.py"),
                PYTHONMALLOC="malloc", PYTHONHASHSEED="0"),
        Program("ruby", "arrays, hashes and strings", find_tool("ruby"), "--disable-gems",
                script("records.rb")),
        Program("perl", "hashes of arrays of strings", find_tool("perl"), script("words.pl"),
                PERL_HASH_SEED="0"),
        Program("node", "objects, JSON and buffers", find_tool("node"), script("records.js"),
                package="nodejs"),
        Program("java", "compiles and runs a program of records and buffers", find_tool("java"),
                script("Records.java"), package="openjdk-17-jdk-headless"),
        Program("sqlite3", f"builds an index of {SQL_ROWS:,} rows in memory",
                find_tool("sqlite3"), "-batch", "-init", os.devnull, ":memory:",
                f".read '{file('index.sql')}'"),
        Program("jq", f"makes objects of half of a JSON array of {JSON_OBJECTS:,}",
                find_tool("jq"), "-c", JQ_FILTER, file("people.json")),
        Program("cc1", "`gcc -O2` of a large C file: the compiler proper, without the driver",
                compiler_proper(), "-quiet", "-O2", file("work.c"), "-o", "-", package="gcc"),
        Program("clang", "`clang -O2` of the same C file", find_tool("clang"), "-O2", "-S",
                file("work.c"), "-o", "-"),
        Program("git", f"shows the patches of {COMMITS} commits", find_tool("git"), "-C",
                file("commits.git"), "--no-pager", "log", "-p", "--stat", "-M",
                GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull),
        Program("xz", f"compresses {TEXT_LINES:,} lines with two threads", find_tool("xz"), "-T2", "-3",
                "--block-size=1MiB", "-k", "-c", file("lines.txt"), package="xz-utils"),
        Program("ffmpeg", "scales and encodes 90 seconds of a test picture", find_tool("ffmpeg"), "-v",
                "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=90", "-vf",
                "scale=320:180", "-threads", "1", "-c:v", "mpeg4", "-f", "framemd5", "-"),
        Program("gs", "draws pages of text and curves", find_tool("gs"), "-q", "-dNOPAUSE", "-dBATCH",
                "-sDEVICE=pgmraw", "-r75", "-sOutputFile=page.pgm", script("pages.ps"),
                package="ghostscript"),
        Program("php", "arrays, strings and JSON, with USE_ZEND_ALLOC=0", find_tool("php"), "-n", "-d",
                "memory_limit=-1", script("records.php"), package="php-cli", USE_ZEND_ALLOC="0"),
        Program("R", "lists, data frames and matrices", R_PROGRAM, "--vanilla", "--no-echo", "-f",
                script("frames.R"), package="r-base-core", R_HOME=R_HOME),
        Program("emacs", "lists, hash tables and a buffer", find_tool("emacs"), "-Q", "--batch", "-l",
                script("records.el"), package="emacs-nox"),
        # That of Debian: others may have an allocator of their own.
        Program("rustc", "compiles generic code", find_tool("rustc"), "--crate-type", "lib", "-O", "-C",
                "codegen-units=1", "--emit", "obj", "-o", "trees.o", script("trees.rs")),
        Program("redis", f"strings, hashes, lists and sets of {REDIS_KEYS:,} keys",
                find_tool("redis-server"), "--port", "0", "--unixsocket", "socket", "--save", "",
                "--appendonly", "no", package="redis-server",
                clients=[Client(*redis_cli, "--pipe", stdin=file("commands.redis")),
                         Client(*redis_cli, stdin=file("queries.redis")),
                         Client(*redis_cli, "shutdown", "nosave")]),
        # One process without a server, which root may not run.
        Program("postgresql", f"joins and sorts a table of {TABLE_ROWS:,} rows", find_tool("postgres"),
                "--single", "-D", file("cluster"), "-F", "postgres", stdin=file("queries.sql"),
                prefix=AS_USER),
    ]

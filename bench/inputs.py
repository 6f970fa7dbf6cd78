# SPDX-License-Identifier: MIT
"""The whole programs that bench/preload measures, and their inputs.

The inputs are generated, always the same, into one folder. They are written again only if this file
has changed.
"""
import hashlib
import json
import os
import random
import shutil
import subprocess

JSON_OBJECTS = 60_000
C_FUNCTIONS = 850  # some 30,000 lines
SQL_ROWS = 500_000

# Lists, tuples and strings, half of which are freed at once: 2 million blocks of malloc.
PYTHON_SCRIPT = """\
records = []
for i in range(300_000):
    key = "key-%d" % i
    records.append([key, (i, key)])
    if i % 4 == 3:
        records[i // 2] = None
index = {record[0]: record for record in records if record is not None}
print(len(index), sum(record[1][0] for record in index.values()))
"""

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


def write_text(text):
    def write(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return write


INPUTS = {
    "people.json": write_json,
    "work.c": write_c,
    "allocate.py": write_text(PYTHON_SCRIPT),
    "index.sql": write_text(SQL_SCRIPT),
}


def generate(folder):
    """Writes the inputs that are missing, or all if those in the folder are of another version."""
    with open(__file__, "rb") as file:
        version = hashlib.sha256(file.read()).hexdigest()
    stamp = os.path.join(folder, "version")
    try:
        with open(stamp, encoding="utf-8") as file:
            if file.read() == version:
                return
    except FileNotFoundError:
        pass
    os.makedirs(folder, exist_ok=True)
    for name, write in INPUTS.items():
        write(os.path.join(folder, name))
    write_text(version)(stamp)


# ---- The programs ------------------------------------------------------------------------------

def compiler_proper():
    """The compiler itself, because gcc only starts other programs. None if it is not installed."""
    if not shutil.which("gcc"):
        return None
    answer = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True,
                            check=False)
    path = answer.stdout.strip()
    return path if os.path.isabs(path) and os.access(path, os.X_OK) else None


def system_program(name):
    """The system's own program if it exists, because the first one in PATH may be a wrapper."""
    path = os.path.join("/usr/bin", name)
    return path if os.access(path, os.X_OK) else shutil.which(name)


class Program:
    """A whole program. command is None if it is not installed."""

    def __init__(self, name, about, path, *arguments, **environment):
        self.name = name
        self.about = about
        self.command = [path, *arguments] if path and os.access(path, os.X_OK) else None
        self.environment = environment


def programs(data, binaries):
    """All programs. data: the folder of the inputs; binaries: the folder of bench-replace."""
    def file(name):
        return os.path.join(data, name)

    return [
        Program("jq", f"makes objects of half of a JSON array of {JSON_OBJECTS:,}",
                system_program("jq"), "-c", JQ_FILTER, file("people.json")),
        # -S: without the machine's packages. With malloc, each object is a block of malloc's.
        Program("python3", "makes 2 million allocations, with PYTHONMALLOC=malloc",
                system_program("python3"), "-S", file("allocate.py"),
                PYTHONMALLOC="malloc", PYTHONHASHSEED="0"),
        Program("cc1", "`gcc -O2` of a large C file: the compiler proper, without the driver",
                compiler_proper(), "-quiet", "-O2", file("work.c"), "-o", "-"),
        Program("sqlite3", f"builds an index of {SQL_ROWS:,} rows in memory",
                system_program("sqlite3"), "-batch", "-init", os.devnull, ":memory:",
                f".read '{file('index.sql')}'"),
        Program("replace", "replaces random ones of 100,000 blocks, at call stacks of some depth",
                os.path.join(binaries, "bench-replace")),
    ]

# SPDX-License-Identifier: MIT
"""check.py CHECK RENDER FOLDER [WORD]...: runs one check on what RENDER (formats_render) prints.

golden       every document, byte by byte, against FOLDER; LMM_GOLDEN_RECORD=1 writes the files
csv          cells are exact; rows and figures are those of the JSON document
openmetrics  the reference parser of the format reads it; figures are those of the JSON document
promtool     promtool accepts it
folded       frames are whole, and the figures of each measure add up
pprof        go tool pprof shows functions, lines, labels and all kinds of samples
massif       ms_print accepts it, and shows the calls at the peak and now
schema       WORDs: a JSON schema, and documents that must keep to it and hold nothing else

Exit status 77: the tool that the check needs is not installed.
"""
import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
LEDGERS = ["ordinary", "later", "another", "empty", "twins", "many", "hostile", "stacks"]

GOLDEN = {
    "ordinary.csv": ["csv", "ordinary"],
    "ordinary-sites.csv": ["csv", "ordinary", "sites"],
    "hostile.csv": ["csv", "hostile"],
    "hostile-sites.csv": ["csv", "hostile", "sites"],
    "empty.csv": ["csv", "empty"],
    "many-top.csv": ["csv", "many", "sites", "3"],
    "ordinary.om": ["openmetrics", "ordinary"],
    "ordinary-sites.om": ["openmetrics", "ordinary", "sites"],
    "hostile-sites.om": ["openmetrics", "hostile", "sites"],
    "twins-sites.om": ["openmetrics", "twins", "sites"],
    "empty.om": ["openmetrics", "empty"],
    "many-top.om": ["openmetrics", "many", "sites", "3"],
    "ordinary.folded": ["folded", "ordinary"],
    "hostile.folded": ["folded", "hostile"],
    "empty.folded": ["folded", "empty"],
    "ordinary.pprof": ["pprof", "ordinary"],
    "hostile.pprof": ["pprof", "hostile"],
    "empty.pprof": ["pprof", "empty"],
    "same.diff": ["diff", "ordinary", "ordinary"],
    "later.diff": ["diff", "ordinary", "later"],
    "later.json": ["diff", "ordinary", "later", "json"],
    "backwards.diff": ["diff", "later", "ordinary", "text", "2"],
    "another.diff": ["diff", "ordinary", "another"],
    "family.diff": ["diff", "ordinary", "later", "text", "0", "w*", "x?"],
    "family.json": ["diff", "ordinary", "later", "json", "1", "*_t"],
    "hostile.diff": ["diff", "ordinary", "hostile"],
    "stacks.txt": ["text", "stacks", "stacks"],
    "stacks-top.txt": ["text", "stacks", "stacks", "2"],
    "stacks-bare.txt": ["text", "stacks", "bare"],
    "stacks.json": ["json", "stacks", "stacks"],
    "stacks.csv": ["csv", "stacks"],
    "stacks-sites.csv": ["csv", "stacks", "sites"],
    "stacks-sites.om": ["openmetrics", "stacks", "sites"],
    "stacks.folded": ["folded", "stacks"],
    "stacks-bare.folded": ["folded", "stacks", "bare"],
    "stacks.pprof": ["pprof", "stacks"],
    "stacks-bare.pprof": ["pprof", "stacks", "bare"],
    "stacks.diff": ["diff", "stacks", "stacks-later"],
    "stacks-types.csv": ["csv", "stacks", "types"],
    "stacks-types.json": ["json", "stacks", "types"],
    "stacks-types.om": ["openmetrics", "stacks", "types"],
    "stacks-types.folded": ["folded", "stacks", "types"],
    "stacks-types.pprof": ["pprof", "stacks", "types"],
    "ordinary.massif": ["massif", "ordinary"],
    "hostile.massif": ["massif", "hostile"],
    "empty.massif": ["massif", "empty"],
    "many.massif": ["massif", "many"],
    "stacks.massif": ["massif", "stacks"],
    "stacks-bare.massif": ["massif", "stacks", "bare"],
    "stacks-peak.folded": ["folded", "stacks", "peak"],
    "stacks-allocated.folded": ["folded", "stacks", "allocated"],
    "stacks-temporary.folded": ["folded", "stacks", "temporary"],
    "stacks-peak.pprof": ["pprof", "stacks", "peak"],
    "hostile.json": ["diff", "ordinary", "hostile", "json"],
}

failures = []


def expect(is_good, what):
    if not is_good:
        failures.append(what)
        print("FAILED:", what)


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def run(command, data=None):
    return subprocess.run(command, input=data, capture_output=True, check=False)


def rendered(render, *words):
    done = run([render, *words])
    if done.returncode != 0:
        sys.exit(f"{words}: exit status {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def document(render, ledger):
    return json.loads(rendered(render, "json", ledger))


# ---- Golden files ------------------------------------------------------------------------------


def decoded_profile(data, protoc, proto):
    """A profile as text, because the compressed bytes depend on the version of zlib."""
    done = run([protoc, "--decode=perftools.profiles.Profile", "-I", os.path.dirname(proto), proto],
               gzip.decompress(data))
    if done.returncode != 0:
        sys.exit(done.stderr.decode())
    return done.stdout


def check_golden(render, folder, protoc, proto):
    for name, words in GOLDEN.items():
        path = os.path.join(folder, "golden", name)
        is_now = rendered(render, *words)
        if words[0] == "pprof":
            is_now = decoded_profile(is_now, protoc, proto)
        if os.environ.get("LMM_GOLDEN_RECORD"):
            with open(path, "wb") as file:
                file.write(is_now)
            continue
        with open(path, "rb") as file:
            should = file.read()
        if is_now != should:
            failures.append(name)
            print(f"{name} differs; it is now:\n{is_now.decode(errors='replace')}")


# ---- CSV -----------------------------------------------------------------------------------------

HOSTILE_FAMILIES = {
    b"a\",b;c d\n\r\033]0;owned\007",
    b"\xff\xc0\x80 caf\xc3\xa9 \xed\xa0\x80",
    b"=HYPERLINK(\"x\")\t\x7f",
    b"",
}


def csv_rows(text):
    file = io.StringIO(text.decode(errors="surrogateescape"), newline="")
    return list(csv.DictReader(file, strict=True))


def in_a_cell(value):
    """A value of the JSON document; of a type its name, if it is known."""
    if value is None or isinstance(value, dict):
        return value["name"] if value and value["confidence"] in ("likely", "certain") else ""
    return value


def check_csv(render, _folder):
    names = {row["family"].encode(errors="surrogateescape")
             for row in csv_rows(rendered(render, "csv", "hostile"))}
    expect(names == HOSTILE_FAMILIES, f"exact names: {names}")
    for ledger in LEDGERS:
        for rows, key, renames in ((csv_rows(rendered(render, "csv", ledger)), "families",
                                    {"family": "name"}),
                                   (csv_rows(rendered(render, "csv", ledger, "sites")), "sites", {})):
            records = document(render, ledger)[key]
            expect(len(rows) == len(records), f"{ledger}: number of {key}")
            for row, record in zip(rows, records):
                expect(None not in row and None not in row.values(), f"{ledger}: as many cells")
                expect({renames.get(k, k) for k in row} == set(record),
                       f"{ledger}: columns are the fields of the JSON document: {list(row)}")
                for column, cell in row.items():
                    value = in_a_cell(record[renames.get(column, column)])
                    expect(isinstance(value, str) or str(value) == cell,
                           f"{ledger}: {column} is {cell}, not {value}")


# ---- OpenMetrics ---------------------------------------------------------------------------------

FAMILY_METRICS = {
    "lmm_family_live_blocks": "live_blocks",
    "lmm_family_live_bytes": "live_bytes",
    "lmm_family_committed_bytes": "committed_bytes",
    "lmm_family_peak_bytes": "peak_bytes",
    "lmm_family_allocations": "allocations",
    "lmm_family_frees": "frees",
}


def metrics(text):
    """The samples by name, in order, as the format's reference parser reads them."""
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        skip("no module prometheus_client (Debian: python3-prometheus-client)")
    samples = {}
    for family in text_string_to_metric_families(text.decode()):
        expect(family.documentation, f"{family.name} has HELP")
        expect(family.type in ("gauge", "summary"), f"{family.name} has TYPE: {family.type}")
        samples[family.name] = [(sample.labels, sample.value) for sample in family.samples]
    return samples


def check_openmetrics(render, _folder):
    for ledger in LEDGERS:
        text = rendered(render, "openmetrics", ledger, "sites")
        samples = metrics(text)
        records = document(render, ledger)
        for metric, field in FAMILY_METRICS.items():
            values = [float(value) for _labels, value in samples.get(metric, [])]
            expect(values == [float(family[field]) for family in records["families"]
                              if family[field] != 0], f"{ledger}: {metric}")
        values = [float(value) for _labels, value in samples.get("lmm_site_live_bytes", [])]
        expect(values == [float(site["live_bytes"]) for site in records["sites"]
                          if site["live_bytes"] != 0], f"{ledger}: sites")
        del samples["lmm_build_info"]
        for metric, rows in samples.items():
            expect(all(labels["pid"] == str(records["process"]["pid"]) and labels["program"]
                       for labels, _value in rows), f"{ledger}: {metric} names the process")
            expect(rows and all(value != 0 for _labels, value in rows), f"{ledger}: {metric} is 0")
        series = [line.rsplit(b" ", 1)[0] for line in text.splitlines() if line[:1] != b"#"]
        expect(len(series) == len(set(series)), f"{ledger}: no series twice")
    expect("lmm_site_live_bytes" not in metrics(rendered(render, "openmetrics", "ordinary")),
           "sites only when asked for")
    bounded = metrics(rendered(render, "openmetrics", "many", "sites", "7"))
    expect(len(bounded["lmm_site_live_bytes"]) == 7, "seven sites")
    expect(bounded["lmm_sites_left_out"] == [({"pid": "4", "program": "many"}, 23.0)],
           "and what is left out")


def check_promtool(render, _folder):
    promtool = shutil.which("promtool")
    if promtool is None:
        skip("no promtool (Debian: prometheus)")
    for ledger in LEDGERS:
        for words in ([ledger], [ledger, "sites"]):
            done = run([promtool, "check", "metrics"], rendered(render, "openmetrics", *words))
            said = (done.stdout + done.stderr).decode().strip()
            expect(done.returncode == 0 and not said, f"{words}: {done.returncode} {said}")
    done = run([promtool, "check", "metrics"], b"lmm_x{ 1\n")
    expect(done.returncode != 0, "promtool refuses what is wrong")


# ---- Folded --------------------------------------------------------------------------------------

MEASURES = {"live": "live_bytes", "peak": "peak_bytes", "temporary": "temporaries",
            "allocated": None}      # which JSON has not
FRAMES = re.compile(r"^[^; ]+;[^; ]+(;[^; ]+)+( \([^ ;]+\))? [1-9][0-9]*$")


def check_folded(render, _folder):
    for ledger in LEDGERS:
        sites = document(render, ledger)["sites"]
        for measure, field in MEASURES.items():
            lines = rendered(render, "folded", ledger, measure).decode().splitlines()
            for line in lines:
                expect(FRAMES.match(line), f"{ledger}: {measure}: {line}")
            if ledger != "hostile" and field is not None:     # its bytes overflow
                total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
                expect(total == sum(site.get(field, 0) for site in sites), f"{ledger}: {measure}")
        default = rendered(render, "folded", ledger)
        expect(default == rendered(render, "folded", ledger, "live"), f"{ledger}: live by default")
    for measure, total in (("live", 10640), ("peak", 10600), ("allocated", 10956), ("temporary", 5)):
        lines = rendered(render, "folded", "stacks", measure).decode().splitlines()
        expect(sum(int(line.rsplit(" ", 1)[1]) for line in lines) == total, f"stacks: {measure}")


# ---- massif --------------------------------------------------------------------------------------


def check_massif(render, _folder):
    ms_print = shutil.which("ms_print")
    if ms_print is None:
        skip("no ms_print (Debian: valgrind)")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "massif.out")
        for ledger in LEDGERS:
            with open(path, "wb") as file:
                file.write(rendered(render, "massif", ledger))
            done = run([ms_print, path])
            said = done.stdout.decode()
            expect(done.returncode == 0 and not done.stderr, f"{ledger}: {done.stderr.decode()}")
            if ledger == "ordinary":
                expect("80.38% (5,152,596B) 0x0: testapp/wordindex.c:149 (first_postings), posting_t" in said,
                       f"{ledger}: {said}")
        for words in (["stacks"], ["stacks", "bare"]):
            with open(path, "wb") as file:
                file.write(rendered(render, "massif", *words))
            said = run([ms_print, path]).stdout.decode()
            expect("2 (peak)" in said or "1 (peak)" in said, f"{words}: the peak: {said}")
            expect("->94.34% (10,000B) 0x1233: " in said, f"{words}: the stack at the peak: {said}")
        expect("small<int>::f3(char *) (src/f.cc:30)" in
               rendered(render, "massif", "stacks").decode(), "names and lines")


# ---- pprof ---------------------------------------------------------------------------------------


def pprof_lines(go, path, *options):
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run([go, "tool", "pprof", "-nodefraction=0", *options, path],
                              capture_output=True, check=False, text=True,
                              env={**os.environ, "HOME": home, "PPROF_TMPDIR": home})
    expect(done.returncode == 0, f"pprof {options}: {done.stderr}")
    expect("Warning" not in done.stderr and "not found" not in done.stderr, done.stderr)
    return done.stdout.splitlines()


def flat(lines):
    """The table of -top: name and flat value, in order."""
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["flat", "flat%"])
    cells = [line.split(None, 5) for line in lines[start + 1:]]
    return [(cell[5], cell[0]) for cell in cells]


def check_pprof(render, _folder):
    go = shutil.which("go")
    if go is None or run([go, "tool", "-n", "pprof"]).returncode != 0:
        skip("no go tool pprof (Debian: golang-go)")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ordinary.pb.gz")
        with open(path, "wb") as file:
            file.write(rendered(render, "pprof", "ordinary"))

        def top(*options):
            unit = "count" if "objects" in "".join(options) else "bytes"
            return flat(pprof_lines(go, path, "-top", f"-unit={unit}", *options))

        expect(top() == [("first_postings", "5152596B"), ("add_word", "1257280B"),
                         ("(unattributed) cursor_t", "330B")], f"live bytes by default: {top()}")
        expect(top("-sample_index=alloc_objects") ==
               [("add_word", "31458"), ("first_postings", "31431"),
                ("(unattributed) cursor_t", "1000"), ("testapp/wordindex.c:300 cursor_t", "7")],
               "allocations")
        expect(top("-sample_index=alloc_space")[0] == ("first_postings", "5177172B"), "allocated")
        expect(top("-sample_index=inuse_objects")[0] == ("add_word", "31432"), "live blocks")
        expect(("add_word testapp/wordindex.c:140", "40B") in top("-lines"), "lines")
        expect(top("-tagfocus=family=word_t") == [("add_word", "1257280B")], "one family")
        tags = "\n".join(pprof_lines(go, path, "-tags"))
        expect(re.search(r"^ family:", tags, re.M) and "posting_t" in tags, f"labels: {tags}")
        path = os.path.join(folder, "stacks.pb.gz")
        with open(path, "wb") as file:
            file.write(rendered(render, "pprof", "stacks"))
        expect(top()[:3] == [("f4", "10000B"), ("small::f3 (inline)", "600B"),
                             ("(unattributed) malloc-48", "40B")], f"stacks: {top()}")
        for index, expected in (("peak_space", ("f4", "10000B")), ("peak_objects", ("small::f3 (inline)", "15")),
                                ("temporary_objects", ("small::f2 (inline)", "3"))):
            is_now = top(f"-sample_index={index}")[0]
            expect(is_now == expected, f"{index}: {is_now}")
        with open(path, "wb") as file:
            file.write(rendered(render, "pprof", "stacks", "allocated"))
        expect(top()[0] == ("f4", "10000B") and ("small::f3 (inline)", "800B") in top(),
               f"the measure comes first: {top()}")
        with open(path, "wb") as file:
            file.write(rendered(render, "pprof", "stacks"))
        cumulative = {line.split(None, 5)[5]: line.split()[3]
                      for line in pprof_lines(go, path, "-top", "-cum", "-unit=bytes")
                      if re.match(r" *[0-9]+B? ", line)}
        expect(cumulative["f1"] == "10600B" and cumulative["f3"] == "600B", f"stacks: {cumulative}")
        path = os.path.join(folder, "ordinary.pb.gz")
        expect("File: wordindex" in pprof_lines(go, path, "-top"), "the program")
        for ledger in ("empty", "hostile", "many"):
            path = os.path.join(folder, ledger)
            with open(path, "wb") as file:
                file.write(rendered(render, "pprof", ledger))
            text = "\n".join(pprof_lines(go, path, "-top", "-lines"))
            expect(not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), f"{ledger}: printable")


# ---- JSON ----------------------------------------------------------------------------------------


def closed(schema):
    """The schema with nothing allowed that it does not describe."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if "properties" in schema:
            schema["additionalProperties"] = False
    elif isinstance(schema, list):
        schema = [closed(value) for value in schema]
    return schema


def check_schema(_render, _folder, schema_path, *paths):
    try:
        import jsonschema
    except ImportError:
        skip("no module jsonschema (Debian: python3-jsonschema)")
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(closed(schema))
    for path in paths:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        for error in validator.iter_errors(record):
            expect(False, f"{path}: {error.json_path}: {error.message}")
        for key in record:
            less = {k: v for k, v in record.items() if k != key}
            expect(not validator.is_valid(less), f"{path}: {key} is required")


def main():
    check, render, folder, *words = sys.argv[1:]
    globals()["check_" + check](render, folder, *words)
    print(f"{check}: {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

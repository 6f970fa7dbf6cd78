# SPDX-License-Identifier: MIT
"""The HTML reports of lmm: their parts, and what each must keep to."""
import base64
import hashlib
import itertools
import json
import re
import zlib

DATA = re.compile(rb'<script type="application/octet-stream" id="lmm-data">([A-Za-z0-9+/=]*)</script>')
SCRIPT = re.compile(rb'<script type="module">(.*?)</script>', re.DOTALL)
STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
TITLE = re.compile(rb"<title>([^<]*)</title>")

# The columns of sites that must add up to a figure of the totals.
SUMS = ("live_bytes", "live_blocks", "peak_bytes", "peak_blocks", "allocated_bytes", "allocations", "frees",
        "temporaries")
LARGEST = 2**64 - 1
CLASSES = ("definite", "indirect", "possible", "reachable")


def document_of(page):
    """The document in a page."""
    return json.loads(zlib.decompress(base64.b64decode(DATA.search(page)[1], validate=True)))


def hash_of(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text).digest()).decode()


def faults_of_file(page):
    """What is wrong with a page as a file: parts that are not there once, and what could ask for another file."""
    faults = [f"{part.pattern}: not there once" for part in (DATA, SCRIPT, STYLE, TITLE)
              if len(part.findall(page)) != 1]
    if faults:
        return faults
    policy = ("default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action 'none'"
              % (hash_of(SCRIPT.search(page)[1]), hash_of(STYLE.search(page)[1])))
    if f'<meta http-equiv="Content-Security-Policy" content="{policy}">'.encode() not in page:
        faults.append(f"the policy is not: {policy}")
    bare = STYLE.sub(b"", SCRIPT.sub(b"", DATA.sub(b"", page)))
    faults += [f"{word} in the HTML" for word in ("src=", "href=", "http:", "https:", "//", "url(", "<script", "@import")
               if word.encode() in bare]
    faults += [f"{word} in the style" for word in ("url(", "@import", "http") if word.encode() in STYLE.search(page)[1]]
    faults += ["LMM: is left of the template"] if b"<!-- LMM:" in page else []
    return faults


def column(table, key, length):
    return table.get(key, [0] * length)


def live_bytes_of(row):
    """The figures of a row of the series, which may be written as changes."""
    return row["live_bytes"] if "live_bytes" in row else list(itertools.accumulate(row["changes"]))


def faults_of_series(series, lengths):
    """Columns of other lengths than the times have, times that fall, and rows of nothing."""
    points = len(series["time_ms"])
    faults = [f"series.{key}" for key, values in series.items()
              if key not in ("rows", "marks") and len(values) != points]
    faults += [f"series.rows: {row['by']} {row['index']}" for row in series["rows"]
               if len(live_bytes_of(row)) != points or min(live_bytes_of(row)) < 0 or row["index"] >= lengths[row["by"] + "s"]]
    return faults + (["series.time_ms"] if series["time_ms"] != sorted(series["time_ms"]) else [])


def faults_of_indexes(document):
    """Indexes that lead nowhere, and columns of other lengths."""
    faults = []
    lengths = {"strings": len(document["strings"])}
    for name in ("types", "lines", "calls", "frames", "sites", "families"):
        counts = {len(values) for values in document[name].values()}
        lengths[name] = max(counts)
        faults += [f"{name}: columns of lengths {counts}"] if len(counts) != 1 else []
    for name, keys in (("types", ("name", "file", "lacking")), ("lines", ("function", "file", "module")),
                       ("calls", ("function", "file", "module")), ("families", ("name",))):
        faults += [f"{name}.{key}" for key in keys if max(document[name][key], default=0) >= lengths["strings"]]
    for key, table in (("frame", "frames"), ("type", "types"), ("line", "lines"), ("family", "families")):
        faults += [f"sites.{key}"] if max(document["sites"][key], default=-1) >= lengths[table] else []
    for name in ("hints", "suspects", "layouts"):
        faults += [f"{name}.{key}" for row in document[name] for key in ("type", "line")
                   if row.get(key, -1) >= lengths[key + "s"]]
    faults += faults_of_series(document["series"], lengths) if document["series"] else []
    faults += ["frames.up"] if any(up > i for i, up in enumerate(document["frames"]["up"])) else []
    faults += ["frames.call"] if max(document["frames"]["call"], default=-1) >= lengths["calls"] else []
    return faults + (["strings are not unlike"] if len(set(document["strings"])) != lengths["strings"] else [])


def faults_of_sums(document, but=()):
    """Sums of sites that are not the totals; they end at the largest number. but: keys that are not looked at."""
    sites = document["sites"]
    length = len(sites["frame"])
    faults = [f"{key}: {sum(column(sites, key, length))}, not {document['totals'][key]}" for key in SUMS
              if key not in but and min(sum(column(sites, key, length)), LARGEST) != document["totals"][key]]
    check = document["leak_check"] or {}
    for key, amount in ((f"{name}_{unit}", check[name][unit]) for name in CLASSES if check
                        for unit in ("bytes", "blocks")):
        if sum(column(sites, key, length)) != amount:
            faults.append(f"{key}: {sum(column(sites, key, length))}, not {amount}")
    if document["before"]:
        faults += [f"before_{key}" for key in SUMS[:6]
                   if sum(column(sites, "before_" + key, length)) != document["before"]["totals"][key]]
    return faults


def faults_of_schema(document, path):
    """Where a document breaks the schema; nothing where the module jsonschema is not installed."""
    try:
        import jsonschema
    except ImportError:
        return []
    with open(path, encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def stack_of(document, site):
    """The functions of a site's stack, the innermost first."""
    frames, frame = document["frames"], document["sites"]["frame"][site]
    functions = []
    while frame >= 0:
        functions.append(document["strings"][document["calls"]["function"][frames["call"][frame]]])
        frame = frame - frames["up"][frame] if frames["up"][frame] else -1
    return functions

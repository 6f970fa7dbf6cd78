#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lint.py WEB [SCRIPT]: checks the page's modules in the folder WEB.

eslint (Debian's, 6.4, with eslintrc.json) and tsc --checkJs (Debian's, 4.8, with tsconfig.json) find nothing. The
modules are listed in the order in which they import each other, no two have a name in common, and what is left of them
in one file, as cmake/LmmEmbed.cmake makes it, is a module that node can read. SCRIPT, which that file made, means the
same: its syntax tree is that of the modules. Skipped without one of the tools.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WEB = pathlib.Path(sys.argv[1]).resolve()
# A node that is not Debian's does not look for modules where Debian has them.
DEBIAN = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
IMPORT = re.compile(r"^import \{([\w, ]+)\} from '\./([\w.]+)';$")
NAME = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)")
OWN = "// LMM: SPDX-License-Identifier: MIT\n"    # after it, SCRIPT has the modules
SAME = """
const {readFileSync} = require('fs');
const {parse} = require('espree');
const places = ['start', 'end', 'range', 'loc', 'raw'];
const [one, other] = process.argv.slice(2).map((path) => JSON.stringify(
    parse(readFileSync(path, 'utf8'), {ecmaVersion: 2020, sourceType: 'module'}), (key, value) => places.includes(key) ? undefined : value));
let at = 0;
while (at < one.length && one[at] === other[at]) at++;
if (one !== other) console.log('the embedded script means something else: ' + one.slice(at - 200, at + 100));
process.exit(one === other ? 0 : 1);
"""
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class) )")


def modules():
    """The modules that CMakeLists.txt lists, in its order."""
    text = (WEB / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"set\(modules\s+([^)]*)\)", text)[1].split()


def breaches(names):
    """What the rules of one inline module forbid."""
    owners = {}
    exports = {}
    for name in names:
        exports[name] = set()
        for number, line in enumerate((WEB / name).read_text(encoding="utf-8").split("\n"), 1):
            place = f"{name}:{number}: "
            match = IMPORT.match(line)
            if line.startswith("import ") and not match:
                yield place + "an import is one line: import {a, b} from './x.js';"
            elif match and match[2] not in exports or match and match[2] == name:
                yield place + f"{match[2]} stands later in CMakeLists.txt"
            elif match:
                yield from (place + f"{match[2]} does not export {one}" for one in match[1].split(", ")
                            if one not in exports[match[2]])
            if line.startswith("export ") and not EXPORT.match(line):
                yield place + "export stands before function, const, let or class"
            declared = NAME.match(line)
            if declared:
                if declared[1] in owners:
                    yield place + f"{owners[declared[1]]} has a {declared[1]}, too"
                owners[declared[1]] = name
                if line.startswith("export "):
                    exports[name].add(declared[1])
    for missing in sorted({path.name for path in WEB.glob("*.js")} - set(names) - {"d3-licence.js"}):
        yield f"{missing}: not listed in CMakeLists.txt"


def joined(names):
    """The text of all modules in one."""
    lines = [line for name in names for line in (WEB / name).read_text(encoding="utf-8").split("\n")]
    return "\n".join(EXPORT.sub("", line) for line in lines if not IMPORT.match(line))


def run(*command, **options):
    """Runs a tool; its complaints are the test's."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, **options)
    return result.returncode == 0


def is_same(folder, names, script):
    """Whether the embedded script means what the modules mean."""
    folder = pathlib.Path(folder)
    own = pathlib.Path(script).read_text(encoding="utf-8").partition(OWN)[2]
    for name, text in (("same.cjs", SAME), ("modules.mjs", joined(names)), ("own.mjs", own)):
        (folder / name).write_text(text, encoding="utf-8")
    return run("node", str(folder / "same.cjs"), str(folder / "modules.mjs"), str(folder / "own.mjs"), env=DEBIAN)


def main():
    missing = [tool for tool in ("node", "eslint", "tsc") if not shutil.which(tool)]
    if missing:
        print("skipped: not installed: " + ", ".join(missing))
        return 77
    names = modules()
    found = list(breaches(names))
    print("".join(line + "\n" for line in found), end="")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "page.mjs"
        path.write_text(joined(names), encoding="utf-8")
        is_module = run("node", "--check", str(path)) and (len(sys.argv) < 3 or is_same(folder, names, sys.argv[2]))
    eslint = os.path.realpath(shutil.which("eslint"))
    is_linted = run("node", eslint, "--no-eslintrc", "--format", "unix", "--config", str(HERE / "eslintrc.json"), *names, cwd=WEB,
                    env=DEBIAN)
    is_typed = run("tsc", "--project", str(HERE / "tsconfig.json"))
    return 0 if not found and is_module and is_linted and is_typed else 1


sys.exit(main())

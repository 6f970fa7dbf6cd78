#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""python_objects.py LMM PYTHON: whether the types that LMM finds in Python are those that Python's objects have.

Runs a Python that was built with -O2 -g (real.py leaves one in its folder) under LMM with a program that makes objects
of about 150 types, asks `lmm leaks --why` what the block around each is, and compares this with the struct that the
type's objects are, or start with (after "+"). Prints a line for each answer that is wrong, and how many are right.
Fails if one is wrong, or fewer than 90 % are found. It is for CPython 3.11.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

FOUND_MIN = 0.9
SECONDS = 60
# The struct of a type's objects: by the type's name; of other types PyObject is all that is sure.
STRUCTS = {
    "PyBytesObject": "bytes", "PyCFunctionObject": "builtin_function_or_method", "PyCellObject": "cell", "PyCodeObject": "code",
    "PyDictObject": "dict Counter OrderedDict defaultdict D", "PyFloatObject": "float", "PyFrameObject": "frame",
    "PyFunctionObject": "function", "PyGenObject": "generator", "PyListObject": "list L",
    "PyLongObject": "int bool I _Precedence RegexFlag _NamedIntConstant", "PyMemoryViewObject": "memoryview",
    "PyMethodObject": "method", "PyMethodDescrObject": "method_descriptor", "PyModuleObject": "module",
    "PyOSErrorObject": "OSError", "PySetObject": "set frozenset", "PySliceObject": "slice", "PyTupleObject": "tuple T NT",
    "PyWeakReference": "ReferenceType", "PyWrapperDescrObject": "wrapper_descriptor", "_PyDictViewObject": "dict_keys dict_items dict_values",
    "_PyManagedBufferObject": "managedbuffer", "_PyNamespaceObject": "SimpleNamespace", "_abc_data": "_abc_data",
    "_tuplegetterobject": "_tuplegetter", "attrgetterobject": "attrgetter", "bytesio": "BytesIO", "chainobject": "chain",
    "countobject": "count", "cycleobject": "cycle", "dequeobject": "deque", "dictiterobject": "dict_keyiterator",
    "enumobject": "enumerate", "fileio": "FileIO", "filterobject": "filter", "gaobject": "GenericAlias",
    "itemgetterobject": "itemgetter", "listiterobject": "list_iterator", "listreviterobject": "list_reverseiterator",
    "lockobject": "lock", "lru_cache_object": "_lru_cache_wrapper", "mapobject": "map", "mappingproxyobject": "mappingproxy",
    "partialobject": "partial", "MatchObject": "Match", "PatternObject": "Pattern", "rangeiterobject": "range_iterator",
    "rangeobject": "range", "repeatobject": "repeat", "rlockobject": "RLock", "setiterobject": "set_iterator",
    "stringio": "StringIO", "striterobject": "bytes_iterator", "tupleiterobject": "tuple_iterator", "unionobject": "UnionType",
    "unicodeiterobject": "str_ascii_iterator", "wrapperobject": "method-wrapper", "zipobject": "zip",
    "PyASCIIObject+": "str", "PyBaseExceptionObject+": "E KeyError ValueError StopIteration SystemExit UnicodeDecodeError",
    "PyDescrObject+": "classmethod_descriptor getset_descriptor member_descriptor method_descriptor wrapper_descriptor",
    "PyHeapTypeObject+": "type ABCMeta EnumType _ABC", "PyDictObject+": "D Counter OrderedDict defaultdict",
}
BASES = ("PyObject+", "PyVarObject+")

PROGRAM = """import sys, gc, time, os, collections, re, functools, itertools, types, weakref, enum, io, threading, operator, ast
class P:
    def __init__(self, x): self.x = x
    def m(self): pass
    p = property(m)
class S: __slots__ = ("a", "b")
class D(dict): pass
class L(list): pass
class I(int): pass
class T(tuple): pass
class U(str): pass
class E(Exception): pass
class C(enum.Enum): A = 1
NT = collections.namedtuple("NT", "a b c")
def g(n):
    for i in range(n): yield i
def make(i):
    t = "text%d" % i
    return [P(i), S(), D(a=i), L([1, i]), I(i + 1000), T((1, i)), U(t), E(t), NT(1, i, 3), t, t.encode(), bytearray(b"a"),
            i * 1.5, complex(i, 1), 10**60 + i, (i, 2), [i], {i: i}, {i}, frozenset((i,)), range(i, i + 5), slice(i, 9),
            iter([i]), iter((i,)), iter({i: 1}), iter({i}), iter("ab"), iter(b"ab"), iter(range(i)), enumerate([i]),
            zip([i]), map(str, [i]), filter(None, [i]), reversed([i]), g(i), lambda: i, functools.partial(make, i),
            P(i).m, P.p, [].append, types.SimpleNamespace(a=i), weakref.ref(P), collections.deque([i]), C.A,
            collections.defaultdict(int), collections.OrderedDict(a=i), collections.Counter("ab"), itertools.count(i),
            itertools.chain([i]), itertools.cycle([i]), itertools.repeat(i, 3), io.StringIO(t), io.BytesIO(b"a"),
            threading.Lock(), threading.RLock(), memoryview(b"abc"), re.compile("a%d" % i), re.match("t", t), object(),
            operator.itemgetter(i), operator.attrgetter("x"), ast.parse("x+%d" % i), types.MappingProxyType({i: 1}),
            type("C%d" % i, (), {}), staticmethod(make), classmethod(make), super(P, P(i)), "\\u4e2d%d" % i, list[int],
            int | str, types.CellType(i), {}.keys(), {}.items(), {}.values(), sys._getframe(), ValueError(i), KeyError(i),
            OSError(i, t), UnicodeDecodeError("a", b"b", 0, 1, "c"), StopIteration(i), compile("a=%d" % i, "f", "exec")]
kept = [make(i) for i in range(300, 312)]
found = {}
for block in [item for items in kept for item in items] + gc.get_objects():
    found.setdefault(type(block).__name__, id(block))
with open(sys.argv[1] + ".new", "w") as stream:
    for name, address in found.items(): print(name, hex(address), file=stream)
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(3600)
"""


def ask(lmm, process, address, settings):
    """What LMM says of the block around an address: a type; None: no type, "": no block, as of static objects."""
    words = subprocess.run([lmm, "leaks", f"--why={address}", str(process)], env=settings, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=False, encoding="utf-8").stdout
    found = re.match(r"[\d,]+ bytes?(?: of (.+?))? at 0x", words)
    return found[1] if found else ""


def is_right(answer, name):
    """Whether a struct is that of a type's objects, or what they start with."""
    return name in STRUCTS.get(answer, "").split() or answer in BASES


def judge(arguments, folder, settings):
    """Asks for the objects; returns how many answers were right, how many of these name the type's own struct, how many
    were wrong, and how many blocks have no type."""
    listed = folder / "objects"
    (folder / "program.py").write_text(PROGRAM)
    end = time.monotonic() + SECONDS
    with subprocess.Popen([arguments.lmm, "run", "--keep", "-o", os.devnull, "--", arguments.python, folder / "program.py", listed],
                          env=settings, stdout=subprocess.DEVNULL) as run:
        try:
            while not listed.exists() and time.monotonic() < end:
                time.sleep(0.1)
            process = subprocess.run(["pgrep", "-P", str(run.pid)], stdout=subprocess.PIPE, check=True).stdout.split()[0].decode()
            objects = [line.split() for line in listed.read_text().splitlines()]
            answers = [(name, ask(arguments.lmm, process, address, settings)) for name, address in objects]
        finally:
            run.terminate()
    wrong = [(name, answer) for name, answer in answers if answer and not is_right(answer, name)]
    for name, answer in wrong:
        print(f"WRONG: an object of {name} is {answer}")
    own = sum(is_right(answer, name) and not answer.endswith("+") for name, answer in answers if answer)
    return (sum(bool(answer) for _, answer in answers) - len(wrong), own, len(wrong),
            sum(answer is None for _, answer in answers))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lmm", type=os.path.abspath)
    parser.add_argument("python", type=os.path.abspath)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lmm-objects-") as name:
        folder = pathlib.Path(name)
        (folder / "books").mkdir()
        settings = dict(os.environ, LMM_DIR=str(folder / "books"), XDG_CACHE_HOME=str(folder / "cache"), PYTHONMALLOC="malloc")
        right, own, wrong, unknown = judge(arguments, folder, settings)
    print(f"{right} right ({own} by their own struct), {wrong} wrong, {unknown} without a type")
    return 0 if wrong == 0 and right >= FOUND_MIN * (right + unknown) and right > 0 else 1


if __name__ == "__main__":
    sys.exit(main())

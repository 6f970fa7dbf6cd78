#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""layouts.py LAYOUTS [--structs N] [--seed SEED]: whether better orders of structs are what compilers make of them.

Makes random structs of C and classes of C++, compiles them with gcc and clang, and lets LAYOUTS (layouts.c) propose orders.
Then each is compiled in its new order: its size, and the offset of each field, must be those of the proposal. Status
77: no compiler is there.
"""
import argparse
import itertools
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
BETTER = 1
LEAST_SHARE = 0.1  # of structs that must get a better order, or the test shows nothing
COMPILERS = (("gcc", "c"), ("clang", "c"), ("g++", "cpp"), ("clang++", "cpp"))
NUMBERS = ("char", "short", "int", "long", "double", "float", "long double", "_Bool", "void *", "unsigned char")
BITS = (("int", 32), ("unsigned", 32), ("long", 64), ("unsigned char", 8), ("unsigned short", 16))
HEAD = "#define _Bool bool\n"


class Struct:
    """A struct with its fields: (name, declaration), in their order."""

    def __init__(self, name, base, is_polymorphic, attribute, fields):
        self.name, self.base, self.is_polymorphic = name, base, is_polymorphic
        self.attribute, self.fields = attribute, fields

    def text(self, order, name):
        declarations = dict(self.fields)
        head = f" : {self.base}" if self.base else ""
        virtual = "    virtual void run() {}\n" if self.is_polymorphic else ""
        return (f"struct {name}{head} {{\n{virtual}" + "".join(f"    {declarations[field]};\n" for field in order) +
                f"}} {self.attribute};\nstruct {name} *v_{name}(struct {name} *x) {{ struct {name} y = *x; *x = y; return x; }}\n")


def make_field(rng, name, older, is_last):
    """A declaration of a field; older: structs that it may contain."""
    kind = rng.random()
    if kind < 0.15:
        word, bits = rng.choice(BITS)
        return f"{word} {name} : {rng.randint(1, bits)}"
    if kind < 0.25 and older:
        return f"struct {rng.choice(older)} {name}"
    if kind < 0.32:
        return f"union {{ {rng.choice(NUMBERS)} a; char b[{rng.randint(1, 9)}]; }} {name}"
    if kind < 0.45:
        return f"{rng.choice(NUMBERS)} {name}[{rng.randint(2, 5)}]"
    if is_last and kind < 0.55:
        return f"{rng.choice(NUMBERS)} {name}[1]"
    return f"{rng.choice(NUMBERS)} {name}"


def make_structs(rng, count, is_cplusplus):
    structs = []
    for i in range(count):
        older = [struct.name for struct in structs if not struct.is_polymorphic][-8:]
        fields = rng.randint(1, 9)
        base = structs[rng.randrange(max(0, i - 8), i)].name if is_cplusplus and i > 0 and rng.random() < 0.4 else None
        attribute = rng.choices(("", "__attribute__((packed))", "__attribute__((aligned(32)))"), (20, 2, 1))[0]
        structs.append(Struct(f"s{i}", base, is_cplusplus and rng.random() < 0.3, attribute,
                              [(f"f{i}_{k}", make_field(rng, f"f{i}_{k}", older, k == fields - 1))
                               for k in range(fields)]))
    return structs


def build(command, folder, suffix, text):
    source = folder / f"structs.{suffix}"
    source.write_text((HEAD if suffix == "cpp" else "") + text, encoding="utf-8")
    subprocess.run([*command, "-w", "-Wno-packed-bitfield-compat", "-fPIC", "-shared", "-nostartfiles", "-o",
                    folder / "structs.so", source], check=True)
    return folder / "structs.so"


def read_orders(tool, binary):
    """{name: (size in the better order, [(bit, field)])} of the structs that have one."""
    orders = {}
    fields = None
    output = subprocess.run([tool, binary], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        words = line.split()
        if line.startswith("  "):
            fields.append((int(words[0]), words[1]))
        else:
            fields = []
            if int(words[1]) == BETTER:
                orders[words[0]] = (int(words[3]), fields)
    return orders


def check(tool, compiler, suffix, version, structs):
    """Compiles the proposals, with assertions; returns how many there were."""
    assertion = "static_assert" if suffix == "cpp" else "_Static_assert"
    command = [compiler, f"-gdwarf-{version}", *(["-std=c++17"] if suffix == "cpp" else [])]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        old = [struct.text([field for field, _ in struct.fields], struct.name) for struct in structs]
        orders = read_orders(tool, build(command, folder, suffix, "".join(old)))
        new = []
        for struct in structs:
            if struct.name not in orders:
                continue
            size, fields = orders[struct.name]
            order = [field for _, field in fields]
            assert sorted(order) == sorted(field for field, _ in struct.fields), struct.name
            name = f"{struct.name}_better"
            new.append(struct.text(order, name))
            new.append(f'{assertion}(sizeof(struct {name}) == {size}, "{name}");\n')
            new += [f'{assertion}(__builtin_offsetof(struct {name}, {field}) * 8 == {bit}, "{name}.{field}");\n'
                    for bit, field in fields if " : " not in dict(struct.fields)[field]]
        build(command, folder, suffix, "".join(old + new))
    return len(orders)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--structs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not all(shutil.which(compiler) for compiler, _ in COMPILERS):
        print("skipped: needs gcc and clang, for C and C++")
        return SKIPPED
    print(f"seed {arguments.seed}")
    for (compiler, suffix), version in itertools.product(COMPILERS, (4, 5)):
        structs = make_structs(random.Random(arguments.seed), arguments.structs, suffix == "cpp")
        found = check(arguments.tool, compiler, suffix, version, structs)
        print(f"{compiler}, DWARF {version}: {found} of {len(structs)} structs have a better order, which is right")
        assert found >= LEAST_SHARE * len(structs), "too few"
    return 0


if __name__ == "__main__":
    sys.exit(main())

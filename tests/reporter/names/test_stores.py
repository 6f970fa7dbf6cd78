# SPDX-License-Identifier: MIT
"""Types of blocks by where the code stores them: through fields, array elements, global variables and parameters."""
import harness
import names

TYPES = {"struct node": 14, "struct item": 13, "struct list": 1, "struct node *[]": 2}


class Stores(names.Case):
    def types(self, *flags, compiler):
        self.compile("-g", "-w", *flags, "stores.c", "-o", "stores", compiler=compiler)
        return {row["type"]["name"]: row["blocks"] for row in self.document("--options", "check=0", "./stores")["types"]}

    def test_without_optimisation(self):
        for compiler in ("cc", "clang"):
            for flags in (("-no-pie", "-fno-pic"), ("-pie", "-fPIE")):
                self.assertEqual(self.types("-O0", *flags, compiler=compiler), TYPES, (compiler, flags))

    def test_no_type_is_wrong_with_optimisation(self):
        for compiler in ("cc", "clang"):
            for level in ("-O1", "-O2", "-O3"):
                found = self.types(level, compiler=compiler)
                found.pop("", None)
                wrong = {name: blocks for name, blocks in found.items() if blocks > TYPES.get(name, 0)}
                self.assertEqual(wrong, {}, (compiler, level))


harness.main()

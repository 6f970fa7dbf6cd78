# SPDX-License-Identifier: MIT
"""The types of a plain program's blocks, from its debug information, in each report of the run: how many, where, and what
of them is lost."""
import csv
import io
import json
import os
import re

import harness
from running import Case

PROGRAM, = harness.arguments(1)
SOURCE = os.path.join(harness.SOURCE, "tests", "reporter", "run", "memory_types.c")

NODE, SLOTS, TABLE = "struct node", "struct node *[]", "struct table"
BYTES = {NODE: 1005 * 32, SLOTS: 8000, TABLE: 16}     # live at the peak, and at the end
LOST = 5 * 32


def line_of(mark):
    with open(SOURCE, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if f"MARK {mark} " in line)


class MemoryTypes(Case):
    def setUp(self):
        super().setUp()
        for name in ("LMM_PRELOAD_LIBRARY", "STAND_IN_LEDGER"):
            self.environment.pop(name)

    def run_program(self, *options):
        result = self.run_lmm(*options, PROGRAM)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stderr

    def document(self, *options):
        return json.loads(self.run_program("--format", "json", *options))["processes"][0]

    def section(self, text, title):
        return text.split(f"\n{title}", 1)[1].split("\n\n", 1)[0].splitlines()

    def test_the_report_of_a_run_leads_with_types(self):
        text = self.run_program()
        rows = self.section(text, "Types at the peak")
        self.assertEqual(rows[0].split(), ["bytes", "share", "blocks", "size", "lines", "largest", "at"])
        self.assertRegex(rows[1], rf"^  struct node +31\.4 KiB +\d+\.\d% +1,005 +32 +2  .*:{line_of('node')} \(node_new\)$")
        self.assertLess(text.index("Types at the peak"), text.index("Lines at the peak"))
        self.assertRegex("\n".join(self.section(text, "Lost")),
                         rf"160 B +5  definitely  .*:{line_of('lost')} \(main\)   struct node")
        self.assertLessEqual(len(text.splitlines()), 60)

    def test_documents_have_types_with_evidence(self):
        process = self.document()
        rows = {row["type"]["name"]: row for row in process["types"] if row["type"]["gap"] == ""}
        self.assertEqual({name: row["bytes"] for name, row in rows.items()}, BYTES)
        self.assertEqual({name: row["live_bytes"] for name, row in rows.items()}, BYTES)
        self.assertEqual({name: row["lines"] for name, row in rows.items()}, {NODE: 2, SLOTS: 1, TABLE: 1})
        self.assertEqual({name: row["lost_bytes"] for name, row in rows.items()}, {NODE: LOST, SLOTS: 0, TABLE: 0})
        self.assertEqual(rows[NODE]["largest_at"]["line"], line_of("node"))
        node = rows[NODE]["type"]
        self.assertIn(node["confidence"], ("likely", "certain"))
        self.assertTrue(node["evidence"])
        self.assertEqual((node["element"], node["bytes"], os.path.basename(node["file"])), (NODE, 32, "memory_types.c"))
        self.assertEqual((rows[SLOTS]["type"]["element"], rows[SLOTS]["type"]["bytes"]), ("struct node *", 8))
        self.assertEqual([(leak["type"]["name"], leak["bytes"]) for leak in process["lost"]], [(NODE, LOST)])

    def test_a_pattern_selects_types(self):
        for pattern, names in (("node", {NODE}), ("*node*", {NODE, SLOTS}), ("struct *", {NODE, SLOTS, TABLE}),
                               ("nodes", set())):
            process = self.document("--type", pattern)
            self.assertEqual({row["type"]["name"] for row in process["types"]}, names, pattern)
            self.assertEqual({row["type"]["name"] for row in process["peak_consumers"]}, names, pattern)
            sites = self.succeed("sites", "--last", "--type", pattern).splitlines()
            self.assertEqual({row.split("\t")[7] for row in sites}, names, pattern)
            text = self.succeed("report", "--leaks", "--last", "--type", pattern)
            self.assertEqual(bool(re.search(r"\(main\)   struct node  #\d+$", text, re.MULTILINE)), NODE in names, text)
            self.assertIn("definitely lost:    160 bytes in 5 blocks", text)
        hidden = self.run_lmm("--error-exitcode", "9", "--type", "table", PROGRAM)
        self.assertEqual(hidden.returncode, 9, hidden.stderr)

    def test_a_suppression_names_a_type(self):
        for line, lost in (("type:^node$", 0), ("type:struct node", 0), ("type:table", LOST)):
            with open(self.path("known"), "w", encoding="ascii") as file:
                file.write(line + "\n")
            process = self.document("--suppressions", self.path("known"))
            self.assertEqual(sum(leak["bytes"] for leak in process["lost"]), lost, line)

    def test_other_subcommands_have_rows_of_types(self):
        self.run_program()
        for words in (["sites", "--last"], ["sites", "--last", "--by", "type"]):     # it is the default here
            rows = [row.split("\t") for row in self.succeed(*words).splitlines()]
            self.assertEqual({row[2]: int(row[0]) for row in rows if row[7] != "-"}, BYTES, words)
        report = self.succeed("report", "--last")
        self.assertIn("\nTypes with most live bytes\n", report)
        self.assertIn("lines with most live bytes", self.succeed("report", "--last", "--by", "line").lower())
        top = self.succeed("top", "--once", "--last")
        self.assertRegex(top, rf" struct node +memory_types\.c:{line_of('node')} and 1 line\n")

    def test_data_formats_have_types(self):
        self.run_program()
        rows = csv.DictReader(io.StringIO(self.succeed("report", "--last", "--sites", "--format", "csv")))
        bytes_of = {}
        for row in rows:
            bytes_of[row["type"]] = bytes_of.get(row["type"], 0) + int(row["live_bytes"])
        bytes_of.pop("", None)
        self.assertEqual(bytes_of, BYTES)
        self.assertIn('type="struct node"', self.succeed("report", "--last", "--sites", "--format", "openmetrics"))
        folded = self.succeed("report", "--last", "--format", "folded", "--by", "type")
        self.assertRegex(folded, r"(?m)^memory_types;struct_node;.*;main;node_new 32000$")
        self.assertNotIn("struct_node;", self.succeed("report", "--last", "--format", "folded"))


harness.main()

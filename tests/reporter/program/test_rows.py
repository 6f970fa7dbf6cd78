# SPDX-License-Identifier: MIT
"""Rows by line and by other words, the sites that a word names, and rows of zeros: in report, sites and diff."""
import json
import os

import harness
import ledger

# Lines, as the frames of a file that is not there are named; the ids and figures are those of grown().
LINE, OTHER, LIBRARY, IDLE = "tool+0x600", "tool+0x900", "libpart.so+0x123", "tool+0xa00"


def grown(extra=0, **header):
    """A ledger of the drop-in. One line allocates in two size classes and from two stacks; one more line has no
    live blocks. extra: more blocks of that line, in a third size class."""
    book = ledger.Ledger("/usr/bin/tool", **header).drop_in()
    classes = [book.family(f"malloc-{size}", size, align=16, flags=ledger.FAMILY_BYTES) for size in (48, 64, 96)]
    tool = book.module("/nowhere/tool", 0x1000, 0x9000, 0x1000, b"\x0a\x0b\x0c\x0d")
    lib = book.module("/nowhere/libpart.so", 0x70000, 0x78000, 0x70000)
    first = book.stack([(0x1600, tool), (0x1500, tool)])
    second = book.stack([(0x1600, tool), (0x1700, tool), (0x1500, tool)])
    book.stack_site(classes[0], first, 10, 4, 40)                                    # #0: 6 blocks, 240 bytes
    book.stack_site(classes[1], first, 5, 0, 60)                                     # #1: 5 blocks, 300 bytes
    book.stack_site(classes[0], second, 3, 1, 40)                                    # #2: 2 blocks, 80 bytes
    book.stack_site(classes[0], book.stack([(0x1900, tool)]), 7, 6, 48)              # #3: 1 block, 48 bytes
    book.stack_site(classes[1], book.stack([(0x70123, lib), (0x1500, tool)]), 2, 0, 64)  # #4: 2 blocks, 128 bytes
    book.stack_site(classes[0], book.stack([(0x1a00, tool)]), 9, 9, 40)              # #5: nothing
    if extra:
        book.stack_site(classes[2], first, extra, 0, 90)
    return book


class Case(harness.Case):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.file = grown().write(self.path("tool.lmm"))

    def sites(self, *options, file=None):
        """(live bytes, live blocks, place, family, stacks, id) of each line of `lmm sites`."""
        lines = [line.split("\t") for line in self.succeed("sites", *options, file or self.file).splitlines()]
        return [(int(w[0]), int(w[1]), w[2], w[4], int(w[5]), w[6]) for w in lines]

    def places(self, *options):
        return [row[2] for row in self.sites(*options)]


class By(Case):
    def test_rows_of_sites(self):
        for word, rows in (
                ("line", [(620, 13, LINE, "malloc", 2, "#0"), (128, 2, LIBRARY, "malloc", 1, "#4"),
                          (48, 1, OTHER, "malloc", 1, "#3")]),
                ("function", [(620, 13, LINE, "malloc", 2, "#0"), (128, 2, LIBRARY, "malloc", 1, "#4"),
                              (48, 1, OTHER, "malloc", 1, "#3")]),
                ("module", [(668, 14, "tool", "malloc", 4, "#0"), (128, 2, "libpart.so", "malloc", 1, "#4")]),
                ("stack", [(540, 11, LINE, "malloc", 1, "#0"), (128, 2, LIBRARY, "malloc", 1, "#4"),
                           (80, 2, LINE, "malloc", 1, "#2"), (48, 1, OTHER, "malloc", 1, "#3")]),
                ("family", [(428, 7, "(all places)", "malloc-64", 2, "#1"),
                            (368, 9, "(all places)", "malloc-48", 4, "#0")]),
                ("type", [(668, 14, "tool: the file is missing", "malloc", 4, "#0"),
                          (128, 2, "libpart.so: the file is missing", "malloc", 1, "#4")]),
                ("site", [(300, 5, LINE, "malloc-64", 1, "#1"), (240, 6, LINE, "malloc-48", 1, "#0"),
                          (128, 2, LIBRARY, "malloc-64", 1, "#4"), (80, 2, LINE, "malloc-48", 1, "#2"),
                          (48, 1, OTHER, "malloc-48", 1, "#3")])):
            self.assertEqual(self.sites("--by", word), rows, word)
        self.assertEqual(self.sites(), self.sites("--by=line"))

    def test_families_are_selected_before_rows_are_made(self):
        self.assertEqual(self.sites("--family", "malloc-64"), [(300, 5, LINE, "malloc", 1, "#1"),
                                                               (128, 2, LIBRARY, "malloc", 1, "#4")])

    def test_types_are_selected_before_rows_are_made(self):
        """The types of a program that registers them; the figures of the totals are still those of all."""
        book = ledger.Ledger("/usr/bin/hr")
        for name, allocations in (("struct node", 4), ("node_list", 2), ("a::Node<b::T>", 1)):
            book.site(book.family(name, 8), "hr.c", 5, "hire", allocations)
        book.write(self.file)
        for patterns, shown in ((["node"], ["struct node"]), (["struct*"], ["struct node"]), (["ode"], []),
                                (["*node*"], ["struct node", "node_list"]), (["x", "node_*"], ["node_list"]),
                                (["Node<b::T>"], ["a::Node<b::T>"]), (["T>"], []), (["Node"], [])):
            options = [f"--type={pattern}" for pattern in patterns]
            self.assertEqual([row[3] for row in self.sites(*options)], shown, patterns)
            document = json.loads(self.succeed("report", "--json", *options, self.file))
            self.assertEqual([site["family"] for site in document["sites"]], shown, patterns)
            self.assertEqual((len(document["families"]), document["totals"]["live_bytes"]), (3, 56), patterns)
            changes = json.loads(self.succeed("diff", "--json", "--all", *options, self.file, self.file))
            self.assertEqual(sorted(site["type"]["name"] for site in changes["sites"]), sorted(shown), patterns)

    def test_rows_are_sorted_after_they_are_made(self):
        self.assertEqual(self.places("--sort", "allocations"), [LINE, OTHER, LIBRARY])
        self.assertEqual(self.places("--sort", "allocations", "--top", "1"), [LINE])

    def test_the_text_report_has_a_row_for_each_line(self):
        text = self.succeed("report", self.file)
        self.assertEqual(text.count(LINE), 1)
        self.assertIn("620 B           13", text)
        by_site = self.succeed("report", "--by", "site", self.file)
        self.assertEqual(by_site.count(LINE), 3)

    def test_stacks_of_a_row(self):
        text = self.succeed("report", "--stacks", self.file)
        self.assertRegex(text, r"tool\+0x600  #0\n {6}540 B in 11 blocks from\n {8}tool\+0x600\n {8}tool\+0x500\n"
                               r" {6}80 B in 2 blocks from\n {8}tool\+0x600\n {8}tool\+0x700\n {8}tool\+0x500\n")
        one = self.succeed("report", "--stacks-per-row=1", self.file)
        self.assertRegex(one, r" {6}540 B in 11 blocks from\n {8}tool\+0x600\n {8}tool\+0x500\n"
                              r" {6}\.\.\. 1 more stack: --stacks-per-row\n")

    def test_data_has_a_row_for_each_site_unless_asked(self):
        for options, rows in (([], 6), (["--by=site"], 6), (["--by=line"], 4), (["--by=module"], 2)):
            document = json.loads(self.succeed("report", "--json", *options, self.file))
            self.assertEqual(len(document["sites"]), rows, options)
            table = self.succeed("report", "--format=csv", "--sites", *options, self.file)
            self.assertEqual(len(table.splitlines()), rows + 1, options)
            families = self.succeed("report", "--format=csv", *options, self.file)
            self.assertEqual(families == table, bool(options), "rows that were asked for need no --sites")
        self.assertEqual(document["sites"][0]["stacks"], 4)
        folded = self.succeed("report", "--format", "folded", self.file)
        self.assertEqual(self.succeed("report", "--format", "folded", "--by=line", self.file), folded)

    def test_types_are_not_merged(self):
        book = ledger.Ledger()
        for name in ("a_t", "b_t", "a_t"):
            book.site(book.family(name, 8) if name == "b_t" or not book.families else 0, "hr.c", 5, "hire", 2)
        book.write(self.file)
        self.assertEqual(self.sites(), [(32, 4, "hr.c:5", "a_t", 0, "#0"), (16, 2, "hr.c:5", "b_t", 0, "#1")])

    def test_an_unknown_word(self):
        self.refuse("--by takes line, function, module, stack, family, type or site, not 'lien' (did you mean 'line'?)",
                    "sites", "--by", "lien", self.file)


class Site(Case):
    def test_words_that_name_sites(self):
        typed = ledger.sample().write(self.path("sample.lmm"))
        for file, word, places in (
                (typed, "hr.c:42", ["hr.c:42"]),
                (typed, "hire", ["hr.c:42"]),
                (typed, "#2", ["school.c:9"]),
                (self.file, LIBRARY, [LIBRARY]),
                (self.file, "#0", [LINE]),
                (self.file, "#2", [LINE]),           # the second stack of the line
                (self.file, "0x1700", [LINE]),       # a call of that stack
                (self.file, "0x16ff", [LINE]),       # the byte before the return address
                (self.file, "0x1500", [LINE, LIBRARY])):
            self.assertEqual([row[2] for row in self.sites("--site", word, file=file)], places, word)
        self.assertEqual(self.sites("--site", "#2")[0][:2], (620, 13))
        self.assertEqual(self.sites("--site", "0x1700")[0][:2], (80, 2))

    def test_the_last_components_of_a_path_are_enough(self):
        book = ledger.Ledger()
        family = book.family("a_t", 8)
        book.site(family, "/src/hr/hire.c", 5, "hr::hire(int)", 1)
        book.site(family, "/src/hr/rehire.c", 5, "hr::rehire(int)", 1)
        book.write(self.file)
        for word in ("hire.c:5", "hr/hire.c:5", "/src/hr/hire.c:5", "hr::hire(int)", "hr::hire", "hire"):
            self.assertEqual(self.places("--site", word), ["/src/hr/hire.c:5"], word)

    def test_a_word_that_names_none(self):
        typed = ledger.sample().write(self.path("sample.lmm"))
        for word, hint in (("hier", " (did you mean 'hire'?)"), ("hr.c:43", " (did you mean 'hr.c:42'?)"),
                           ("#9", ""), ("0x12", ""), ("hr.c:", " (did you mean 'hr.c:42'?)"), ("", "")):
            self.fail_with(1, f"no site '{word}'{hint}", "sites", "--site", word, typed)
            self.fail_with(1, f"no site '{word}'{hint}", "report", "--site", word, typed)


class Ids(Case):
    """Reports show the ids by which --site names a line."""

    def id_at(self, place, *words):
        line, = [line for line in self.succeed(*words).splitlines() if f" {place}" in line]
        return line.split(place)[1].strip()

    def test_report(self):
        for place, number in ((LINE, "#0"), (LIBRARY, "#4"), (OTHER, "#3")):
            self.assertEqual(self.id_at(place, "report", self.file), number)
            self.assertEqual(self.places("--site", number), [place])
        for word in ("function", "stack", "site", "module"):
            self.assertNotIn("#", self.succeed("report", "--by", word, self.file))

    def test_diff_of_one_process(self):
        new = grown(extra=4, snapshot_time_ns=ledger.START_NS + 2).write(self.path("new.lmm"))
        self.assertEqual(self.id_at(LINE, "diff", self.file, new), "#0")
        self.assertEqual(self.id_at(OTHER, "diff", "--all", self.file, new), "#3")
        self.assertEqual(self.id_at(OTHER, "diff", "--all", "--site", "#3", self.file, new), "#3")
        other = grown(extra=4, pid=99, snapshot_time_ns=ledger.START_NS + 2).write(self.path("other.lmm"))
        self.assertEqual(self.id_at(LINE, "diff", self.file, other), "")

    def test_a_row_of_both_has_the_id_of_the_first(self):
        """The second has a site of a lower id, which the first does not have."""
        for name, allocated in (("first.lmm", 0), ("second.lmm", 5)):
            book = ledger.Ledger("/usr/bin/hr", snapshot_time_ns=ledger.START_NS + 1 + allocated)
            family = book.family("emp_t", 40)
            for site, count in ((book.site(family, "hr.c", 42, "hire"), allocated),
                                (book.site(family, "hr.c", 42, "hire"), 1 + allocated)):
                book.count(site, count)
            book.write(self.path(name))
        words = ["diff", self.path("first.lmm"), self.path("second.lmm")]
        number = self.id_at("hr.c:42 (hire)", *words)
        self.assertEqual(number, "#1")
        self.assertIn("+10", self.succeed(*words, "--site", number))


class Zeros(Case):
    def test_rows_of_zeros_only_with_all(self):
        self.assertNotIn(IDLE, self.places())
        self.assertEqual(self.sites("--all")[-1], (0, 0, IDLE, "malloc", 1, "#5"))
        self.assertNotIn(IDLE, self.succeed("report", self.file))
        self.assertIn("and 1 other line with 0 live blocks", self.succeed("report", self.file))
        self.assertIn(IDLE, self.succeed("report", "--all", self.file))

    def test_size_classes_without_blocks(self):
        book = grown()
        book.stack_site(book.family("malloc-512", 512, align=16, flags=ledger.FAMILY_BYTES),
                        book.stack([(0x1b00, 1)]), 1, 1, 500)
        book.write(self.file)
        text = self.succeed("report", self.file)
        self.assertNotIn("malloc-512", text)
        self.assertIn("and 2 other size classes with 0 live blocks\n", text)
        self.assertIn("malloc-512", self.succeed("report", "--all", self.file))

    def test_a_terminal_is_told(self):
        text = harness.run_on_terminal(harness.LMM, "sites", "--top=1", self.file, env=self.environment)[1]
        self.assertEqual(text.splitlines()[2:], ["... 2 more rows: --top", "... 1 row without live blocks: --all",
                                                 "note: tool: the file is missing"])


class SizeClasses(Case):
    """Lines come first for a program under the drop-in, and its size classes are few rows."""

    def setUp(self):
        super().setUp()
        self.file = self.path("classes.lmm")
        self.new = self.path("more.lmm")
        self.write(self.file, 1)
        self.write(self.new, 9)

    def write(self, path, blocks):
        book = ledger.Ledger("/usr/bin/tool", snapshot_time_ns=ledger.START_NS + blocks).drop_in()
        tool = book.module("/nowhere/tool", 0x1000, 0x9000, 0x1000, b"\x0a")
        for i in range(1, 9):
            family = book.family(f"malloc-{16 * i}", 16 * i, align=16, flags=ledger.FAMILY_BYTES)
            book.stack_site(family, book.stack([(0x1600 + i % 2, tool)]), blocks, 0, 16 * i)
        book.write(path)

    def test_report(self):
        text = self.succeed("report", self.file)
        titles = [line.split("  ")[0] for line in text.splitlines() if line and line[0].isalpha()]
        self.assertEqual([title.split(":")[0] for title in titles],
                         ["LMM", "Lines with most live bytes", "Size classes", "Totals", "note", "SUMMARY"])
        self.assertIn("\nnote: tool: the file is missing\n\nSUMMARY", text)
        self.assertEqual(text.count("  malloc-"), 5)
        self.assertIn("  and 3 other size classes with 3 live blocks: --by family\n", text)
        self.assertIn("\nSUMMARY: 8 families, 2 lines, 8 live blocks", text)

    def test_report_of_all_size_classes(self):
        for options, rows in ((["--by", "family"], "families"), (["--all"], "lines"),
                              (["--family", "malloc-*"], "lines")):
            text = self.succeed("report", *options, self.file)
            self.assertLess(text.index("\nFamilies "), text.index(f"\n{rows.capitalize()} with most live bytes"))
            self.assertEqual(text.split("\nTheir pages")[0].count("  malloc-"), 8, options)
        self.assertIn("8 families, 1 module, 8 live blocks", self.succeed("report", "--by", "module", self.file))

    def test_diff(self):
        text = self.succeed("diff", self.file, self.new)
        self.assertLess(text.index("\n2 lines changed\n"), text.index("\n8 size classes changed\n"))
        self.assertEqual(text.split("size classes changed")[1].count("  malloc-"), 5)
        self.assertIn("\n... and 3 more size classes: --by family\n", text)

    def test_diff_of_all_size_classes(self):
        for options in (["--by", "family"], ["--all"], ["--family", "malloc-*"]):
            text = self.succeed("diff", *options, self.file, self.new)
            self.assertEqual(text.split("\n8 families changed\n")[1].split("\n\n")[0].count("  malloc-"), 8, options)


class Diff(Case):
    def setUp(self):
        super().setUp()
        self.new = grown(extra=4, snapshot_time_ns=ledger.START_NS + 2).write(self.path("new.lmm"))

    def test_one_line_is_one_row(self):
        for options, rows in (([], 1), (["--by", "site"], 1), (["--by", "stack"], 1), (["--all"], 4)):
            text = self.succeed("diff", *options, self.file, self.new)
            row = options[1] if "--by" in options else "line"
            self.assertIn(f"\n1 {row} changed\n", text)
            table = text.split(f"1 {row} changed\n")[1].split("\n\n")[0].splitlines()
            self.assertEqual(len(table) - 1, rows, options)
            self.assertEqual(table[1].split(), ["+360", "+4", "+4", "0", "980" if "site" not in options and
                                                "stack" not in options else table[1].split()[4],
                                                "malloc" if "site" not in options else "malloc-96",
                                                *(["second"] if "site" in options else []), LINE,
                                                *(["#0"] if row == "line" else [])])

    def test_a_new_size_class_is_no_new_row(self):
        self.assertNotIn("second", self.succeed("diff", self.file, self.new).split("line changed")[1])
        self.assertNotIn("first", self.succeed("diff", self.new, self.file).split("line changed")[1])

    def test_stacks(self):
        table = self.succeed("diff", "--stacks", self.file, self.new).split("ALLOCATED-AT\n")[1]
        self.assertEqual(table.split("\n\n")[0].splitlines()[1:],
                         ["      +360 bytes, +4 blocks from", "        tool+0x600", "        tool+0x500"])
        both = self.succeed("diff", "--stacks", "--all", self.file, self.new)
        self.assertIn("      0 bytes, 0 blocks from\n        tool+0x600\n        tool+0x700\n", both)
        one = self.succeed("diff", "--stacks-per-row=1", "--all", self.file, self.new)
        self.assertIn("      ... 1 more stack: --stacks-per-row\n", one)

    def test_stacks_in_json(self):
        document = json.loads(self.succeed("diff", "--json", "--stacks", self.file, self.new))
        row, = document["sites"]
        self.assertEqual((row["file"], row["live_bytes"]["growth"]), (LINE, 360))
        self.assertEqual([(stack["live_bytes"]["growth"], [call["function"] for call in stack["calls"]])
                          for stack in row["stacks"]], [(360, [LINE, "tool+0x500"])])
        plain = json.loads(self.succeed("diff", "--json", self.file, self.new))
        self.assertEqual([row["family"] for row in plain["sites"]], ["malloc-96"])
        self.assertNotIn("stacks", plain["sites"][0])

    def test_selected_sites(self):
        text = self.succeed("diff", "--site", OTHER, self.file, self.new)
        self.assertNotIn("line changed", text)
        self.fail_with(1, "no site 'nothing'", "diff", "--site", "nothing", self.file, self.new)
        selected = self.succeed("diff", "--family", "malloc-96", self.file, self.new)
        self.assertIn("+360", selected.split("1 line changed")[1])


class Documents(Case):
    def schema(self, name):
        with open(os.path.join(harness.SOURCE, "docs", name), encoding="utf-8") as file:
            schema = json.load(file)
        self.definitions = schema.get("$defs", {})
        return schema

    def check(self, schema, value, where="document"):
        """The part of JSON Schema that docs/ uses."""
        if "$ref" in schema:
            schema = {**schema, **self.definitions[schema["$ref"].rsplit("/", 1)[1]]}
        if "const" in schema:
            self.assertEqual(value, schema["const"], where)
        if "enum" in schema:
            self.assertIn(value, schema["enum"], where)
        kinds = schema.get("type", [])
        if kinds:
            kinds = [kinds] if isinstance(kinds, str) else kinds
            of = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number",
                  type(None): "null"}[type(value)]
            self.assertIn(of, kinds, where)
        if isinstance(value, dict):
            part = schema["properties"]
            self.assertEqual(set(schema.get("required", part)) - set(value), set(), where)
            self.assertEqual(set(value) - set(part), set(), where)
            for key in value:
                self.check(part[key], value[key], f"{where}.{key}")
        for each in value if isinstance(value, list) else []:
            self.check(schema["items"], each, where + "[]")

    def by_type(self):
        """The document of a row for each type; all lines are of one."""
        document = json.loads(self.succeed("sites", "--json", "--by", "type", self.file))
        row = document["sites"][0]
        self.assertEqual((document["by"], row["file"], row["type"]["confidence"], row["lines"]),
                         ("type", "tool: the file is missing", "none", 3))
        self.assertEqual(row["largest_at"]["file"], LINE)
        return document

    def test_sites(self):
        for options, rows, left_out in (([], 3, 1), (["--all"], 4, 0), (["--by=stack", "--top=2"], 2, 3)):
            document = json.loads(self.succeed("sites", "--json", *options, self.file))
            self.check(self.schema("sites.schema.json"), document)
            self.assertEqual((len(document["sites"]), document["left_out"]), (rows, left_out), options)
        self.check(self.schema("sites.schema.json"), self.by_type())
        row = json.loads(self.succeed("sites", "--json", self.file))["sites"][0]
        self.assertEqual((row["id"], row["file"], row["module"], row["stacks"], row["live_blocks"], row["live_bytes"],
                          row["allocations"], row["frees"]), (0, LINE, "tool", 2, 13, 620, 18, 5))

    def test_top(self):
        schema = self.schema("top.schema.json")
        for by, options, rows in (("line", [], 4), ("line", ["--by=line", "--all"], 4), ("family", ["--by=family"], 2),
                                  ("type", ["--by=type"], 2)):
            document = json.loads(self.succeed("top", "-1", "-F", "json", *options, self.file))
            schema["properties"]["rows"]["items"] = schema["$defs"][by]
            self.check(schema, document)
            self.assertEqual((document["by"], len(document["rows"])), (by, rows), options)
        row = json.loads(self.succeed("top", "--once", "--json", self.file))["rows"][0]
        self.assertEqual((row["id"], row["file"], row["live_bytes"], row["frees"]), (0, LINE, 620, 5))
        self.assertIsNone(document["mark"])
        self.refuse("--format json needs --once", "top", "--json", self.file)

    def test_top_has_the_last_mark(self):
        book = ledger.sample(version=2).mark("first", 1_000_000_000).mark("before the\x1brequest", 3_723_000_000_000)
        file = book.write(self.in_ledgers("marked.lmm"))
        document = json.loads(self.succeed("top", "-1", "-F", "json", file))
        schema = self.schema("top.schema.json")
        schema["properties"]["rows"]["items"] = schema["$defs"]["family"]
        self.check(schema, document)
        self.assertEqual(document["mark"],
                         {"number": 2, "time_ns": 3_723_000_000_000, "text": "before the\x1brequest"})
        self.environment["TZ"] = "UTC"
        self.assertIn("\n marked 01:02:03 #2 before the\\x1brequest\n", self.succeed("top", "-1", file))
        copy = self.path("copy.lmm")
        self.succeed("snapshot", "-o", copy, file)
        self.assertEqual(json.loads(self.succeed("top", "-1", "-F", "json", copy))["mark"], document["mark"])

    def test_watch(self):
        self.keep()
        lines = [json.loads(line) for line in self.lmm("watch", "--json", "--every=20ms",
                                                       "--for=50ms").stdout.splitlines()]
        reading, end = self.schema("watch.schema.json")["oneOf"]
        for line in lines[:-1]:
            self.check(reading, line)
        self.check(end, lines[-1])
        self.assertEqual((lines[-1]["program"], lines[-1]["enough"]), ("hr", False))

    def test_ls(self):
        self.keep()
        document = json.loads(self.succeed("ls", "--json"))
        self.check(self.schema("ls.schema.json"), document)
        self.assertEqual([each["program"] for each in document["processes"]], ["hr"])


class Words(Case):
    def test_words_that_are_nearly_right(self):
        for arguments, hint in ((["stes"], "no subcommand 'stes' (did you mean 'sites'?)"),
                                (["help", "raport"], "no subcommand 'raport' (did you mean 'report'?)"),
                                (["report", "--format", "jason", self.file], "(did you mean 'json'?)"),
                                (["sites", "--sort", "alocations", self.file], "(did you mean 'allocations'?)"),
                                (["xyz"], "no subcommand 'xyz' (lmm help lists all)")):
            self.refuse(hint, *arguments)


if __name__ == "__main__":
    harness.main()

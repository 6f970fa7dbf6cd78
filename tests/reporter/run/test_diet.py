# SPDX-License-Identifier: MIT
"""`lmm diet` on programs whose blocks are known: each hint that it should give, with the right figure."""
import csv
import io
import json
import os
import re
import shutil
import subprocess

import harness
from running import Case

PLANTED, TYPED, FIELDS, CLASSES = harness.arguments(4)
SOURCE = os.path.join(harness.SOURCE, "tests", "reporter", "run", "diet_planted.c")
CLASSES_SOURCE = os.path.join(harness.SOURCE, "tests", "reporter", "run", "diet_classes.cpp")
KILO = 8
COUNT = 1000 * KILO
FEW = COUNT // 4       # of each block that not every step makes


def line_of(mark, source=SOURCE):
    with open(source, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if f"/* {mark}" in line or f"// {mark}" in line)


class Diet(Case):
    def setUp(self):
        super().setUp()
        for name in ("LMM_PRELOAD_LIBRARY", "STAND_IN_LEDGER"):
            self.environment.pop(name)

    def start_planted(self):
        return self.start(harness.LMM, "run", "-o", "/dev/null", PLANTED, KILO)

    def end_planted(self, process):
        process.stdin.close()
        self.finish(process, 0)

    def document(self, *words):
        document = json.loads(self.succeed("diet", "-F", "json", *words))
        try:
            import jsonschema
        except ImportError:
            return document
        with open(os.path.join(harness.SOURCE, "docs", "diet.schema.json"), encoding="utf-8") as file:
            jsonschema.validate(document, json.load(file))
        return document

    def hints(self, document):
        return {(hint["kind"], hint["type"]): hint for hint in document["hints"]}


class Hints(Diet):
    def test_each_planted_hint_with_its_figure(self):
        self.start_planted()
        document = self.document("diet_planted")
        hints = self.hints(document)
        self.assertEqual(document["at"], "live")
        for kind, type_name, saves, before, after, blocks, mark in (
                ("layout", "struct packet", (64 - 48) * COUNT, 56, 48, COUNT, "PACKET:"),
                ("tiny", "char[]", (8 + 4 - 6) * COUNT, 12, 6, COUNT, "TINY LINE"),
                ("embed", "struct name", (32 + 32 + 4 - 48) * FEW, 68, 48, FEW, "NAME"),
                ("slack", "char[65]", (80 - 64) * FEW, 80, 64, FEW, "TEXT LINE")):
            hint = hints[kind, type_name]
            self.assertEqual((hint["saves_bytes"], hint["before_bytes"], hint["after_bytes"], hint["blocks"],
                              os.path.basename(hint["file"]), hint["line"]),
                             (saves, before, after, blocks, "diet_planted.c", line_of(mark)), hint)
        self.assertEqual(document["hints"][0]["kind"], "layout")
        saved = [hint["saves_bytes"] for hint in document["hints"]]
        self.assertEqual(saved, sorted(saved, reverse=True))
        foreign = hints["foreign", "char[]"]
        self.assertEqual((foreign["blocks"], foreign["share_permille"], foreign["line"]),
                         (COUNT, 1000, line_of("FOREIGN LINE")))
        growth = hints["growth", "int[]"]
        self.assertEqual((growth["blocks"], growth["line"]), (1, line_of("GROWTH LINE")))
        self.assertIn(f"doubles, 64 to {4 * 16 * 2 ** 9} bytes: ", growth["text"])

    def test_csv_has_the_fields_of_json(self):
        self.start_planted()
        hints = self.document("--full", "diet_planted")["hints"]
        rows = list(csv.DictReader(io.StringIO(self.succeed("diet", "--format", "csv", "diet_planted"))))
        self.assertEqual(rows, [{key: str(value) for key, value in hint.items()} for hint in hints])
        self.assertEqual(len(self.succeed("diet", "-F", "csv", "--top", "1", "diet_planted").splitlines()), 2)

    def test_the_holes_of_each_struct(self):
        self.start_planted()
        structs = {row["type"]: row for row in self.document("diet_planted")["structs"]}
        packet = structs["struct packet"]
        self.assertEqual((packet["struct_bytes"], packet["hole_bytes"], packet["holes"], packet["padding_bytes"],
                          packet["order"], packet["better_bytes"], packet["blocks"]),
                         (56, 12, 3, 0, "better", 48, COUNT))
        self.assertEqual([(field["name"], field["bit"] // 8) for field in packet["better_fields"]],
                         [("data", 0), ("sent", 8), ("length", 32), ("port", 36), ("flags", 40), ("kind", 42),
                          ("is_last", 43)])
        self.assertEqual((structs["struct tidy"]["order"], structs["struct tidy"]["hole_bytes"]), ("best", 0))

    def test_of_a_process_that_ended_the_peak_counts(self):
        self.end_planted(self.start_planted())
        document = self.document("--last")
        self.assertEqual(document["at"], "peak")
        self.assertEqual(self.hints(document)["layout", "struct packet"]["saves_bytes"], 16 * COUNT)

    def test_a_program_that_registers_its_types(self):
        process = self.start(TYPED)
        document = self.document(str(process.pid))
        hint = document["hints"][0]
        self.assertEqual((hint["kind"], hint["type"], hint["saves_bytes"], hint["confidence"]),
                         ("layout", "holey_t", 1500 * (24 - 16), "certain"))


class Inner(Diet):
    """Structs that lie in blocks of other types."""

    SAVES = (96 - 80) * 1000 + (64 - 48) * 500

    def start_classes(self):
        self.start(harness.LMM, "run", "-o", "/dev/null", CLASSES)

    def test_their_blocks_are_smaller(self):
        self.start_classes()
        document = self.document("diet_classes")
        hint = self.hints(document)["layout", "entry"]
        self.assertEqual((hint["saves_bytes"], hint["before_bytes"], hint["after_bytes"], hint["blocks"], hint["line"]),
                         (self.SAVES, 48, 32, 1500, line_of("ENTRY", CLASSES_SOURCE)))
        self.assertTrue(hint["text"].startswith("3 holes (7+7+7 bytes), in std::_Rb_tree_node and 1 more type. Order: key "), hint)
        entry, = (row for row in document["structs"] if row["type"] == "entry")
        self.assertEqual((entry["blocks"], entry["saves_bytes"], entry["outer_blocks"], entry["outer_bytes"],
                          entry["outer_saves_bytes"]), (0, 0, 1500, 88 * 1000 + 56 * 500, self.SAVES))
        self.assertNotIn(("layout", "session"), self.hints(document))

    def test_they_are_found_by_either_type(self):
        self.start_classes()
        for pattern in ("entry", "session", "_Rb_tree_node<*"):
            text = self.succeed("diet", "--type", pattern, "diet_classes")
            self.assertRegex(text, r"(?m)^ 23\.4 KiB  entry  48 -> 32 +1,500  diet_classes\.cpp:\d+: 3 holes ")
        text = self.succeed("diet", "--type", "entry", "diet_classes")
        self.assertRegex(text, r"(?m)^}; /\* 48 bytes \*/\n\nIn a better order:\nentry \{\n    long key; ")
        self.assertIn("}; /* 32 bytes */\nIn std::_Rb_tree_node<...> and 1 more type: 1,500 blocks live, "
                      "113.3 KiB (116,000): saves 23.4 KiB (24,000)\n", text)
        self.assertNotIn("entry", self.succeed("diet", "--type", "circle", "diet_classes"))

    def test_a_type_that_is_not_there(self):
        self.start_classes()
        self.assertEqual(self.succeed("diet", "--type", "nothing", "diet_classes").splitlines()[0],
                         "no hints: no type of a block matches")


class Text(Diet):
    def test_a_table_of_hints_and_one_of_those_without_bytes(self):
        self.start_planted()
        text = self.succeed("diet", "diet_planted")
        lines = text.splitlines()
        self.assertLessEqual(max(map(len, lines)), 120)
        self.assertEqual(re.split("  +", lines[0].strip()), ["saves", "type", "now -> then", "live blocks",
                                                             "what to do"])
        self.assertRegex(lines[1], rf"^125\.0 KiB  struct packet  56 -> 48 +8,000  diet_planted\.c:{line_of('PACKET:')}: "
                                   r"3 holes \(7\+2\+3 bytes\)\. Order: data sent")
        self.assertRegex(text, rf"(?m)^ 31\.3 KiB  char\[65\] +80 -> 64 +2,000  diet_planted\.c:{line_of('TEXT LINE')}: "
                               r"65 bytes in a slot of 80; 64 fit the next smaller$")
        self.assertRegex(text, r"\n\n +share  type +blocks  what to look at\n   100\.0%  char\[\] +8,000  ")
        self.assertRegex(lines[-1], rf"^SUMMARY: \d hints save bytes, the largest {16 * COUNT} of \d+ live, 2 other hints$")

    def test_a_struct_is_printed_in_both_orders(self):
        self.start_planted()
        text = self.succeed("diet", "--type", "packet", "diet_planted")
        self.assertRegex(text, r"(?m)^    char kind; +/\* +0 +1 \*/\n    /\* 7 bytes hole \*/\n    void \*data; +/\* +8 +8 \*/$")
        self.assertRegex(text, r"(?m)^}; /\* 56 bytes \*/\n\nIn a better order:\nstruct packet \{\n    void \*data; ")
        self.assertIn("8,000 blocks live, 437.5 KiB (448,000): saves 125.0 KiB (128,000)\n", text)
        self.assertNotIn("char[65]", text)
        self.assertIn("no order of its fields takes fewer bytes", self.succeed("diet", "--type", "tidy", "diet_planted"))

    def test_what_is_left_out_is_said(self):
        self.start_planted()
        text = self.succeed("diet", "--top", "1", "diet_planted")
        self.assertRegex(text, r"\n\.\.\. \d more hints: --full\nSUMMARY: ")
        self.assertNotIn("more hints", self.succeed("diet", "--full", "diet_planted"))


class Fields(Diet):
    """What the fields of live blocks hold (--fields)."""

    STRUCTS = 1500

    def census(self, document, type_name):
        found, = (row for row in document["census"] if row["type"] == type_name)
        return found, {field["name"]: field for field in found["fields"]}

    def test_each_field_of_a_program_that_registers_its_types(self):
        process = self.start(FIELDS)
        record, fields = self.census(self.document("--fields", str(process.pid)), "record_t")
        self.assertEqual((record["read"], record["blocks"], record["elements"], record["skipped"], record["struct_bytes"]),
                         (True, 1001, self.STRUCTS, 0, 160))
        for name, finding, needed, least, most, after in (
                ("small", "narrow", 1, 0, 213, 152), ("negative", "narrow", 1, -100, 100, 160),
                ("constant", "same", 0, 7, 7, 160), ("never", "never", 0, 0, 0, 152),
                ("nevers", "never", 0, 0, 0, 136), ("flag", "none", 0, 0, 1, 0), ("unset", "never", 0, 0, 0, 160),
                ("set", "none", 0, 0, 255, 0), ("colour", "narrow", 1, 0, 2, 160), ("name", "short", 12, 0, 11, 144),
                ("origin", "never", 0, 0, 0, 152), ("origin.x", "none", 0, 0, 0, 0), ("corner", "none", 0, 0, 4, 0),
                ("corner.x", "narrow", 2, -750, 749, 0), ("corner.y", "never", 0, 0, 0, 0),
                ("deltas", "short", 16, 1, 16, 152), ("deltas[]", "narrow", 2, -1000, 1, 152),
                ("wide", "none", 0, 2**64 - self.STRUCTS, 2**64 - 1, 0)):
            field = fields[name]
            self.assertEqual((field["finding"], field["needed_bytes"], field["least"], field["most"],
                              field["after_bytes"], field["elements"]),
                             (finding, needed, least, most, after, self.STRUCTS), field)
            self.assertEqual(field["saves_bytes"], (160 - after) * self.STRUCTS if after else 0, field)
        rare = fields["rare"]
        self.assertEqual((rare["finding"], rare["zeros"], rare["least"]), ("mostly", self.STRUCTS * 49 // 50, 0))
        self.assertEqual((record["after_bytes"], record["saves_bytes"]), (72, (160 - 72) * self.STRUCTS))

    def test_structs_with_an_array_at_their_end(self):
        process = self.start(FIELDS)
        text, fields = self.census(self.document("--fields", "--type", "text_t", str(process.pid)), "text_t")
        self.assertEqual((text["blocks"], text["elements"], text["skipped"]), (20, 20, 0))
        self.assertEqual({name: field["finding"] for name, field in fields.items()},
                         {"never": "never", "length": "narrow"})
        self.assertEqual(text["saves_bytes"], 0)

    def test_of_a_program_that_knows_nothing_of_lmm(self):
        self.start_planted()
        document = self.document("--fields", "diet_planted")
        session, fields = self.census(document, "struct session")
        self.assertEqual((session["elements"], session["skipped"]), (COUNT, 0))
        unused = fields["unused"]
        self.assertEqual((unused["finding"], unused["before_bytes"], unused["after_bytes"], unused["saves_bytes"]),
                         ("never", 48, 24, (48 - 32) * COUNT))
        self.assertEqual((fields["user"]["finding"], fields["user"]["saves_bytes"]), ("never", 0))
        self.assertEqual((fields["id"]["finding"], fields["id"]["least"], fields["id"]["needed_bytes"]),
                         ("narrow", 100000, 4))
        self.assertEqual(fields["next"]["zeros"], 1)
        self.assertEqual((session["after_bytes"], session["saves_bytes"]), (16, (48 - 16) * COUNT))

    def test_classes(self):
        self.start(harness.LMM, "run", "-o", "/dev/null", CLASSES)
        document = self.document("--fields", "diet_classes")
        shape, fields = self.census(document, "shape")
        self.assertEqual((shape["elements"], shape["skipped"]), (1000, 0))
        self.assertEqual({name: field["finding"] for name, field in fields.items()},
                         {"id": "none", "stamp": "never", "name": "none", "unused": "never", "parent": "never"})
        self.assertEqual((fields["unused"]["before_bytes"] - fields["unused"]["after_bytes"],
                          fields["stamp"]["before_bytes"]), (40, 0), "stamp is the base class's")
        circle, fields = self.census(document, "circle")
        self.assertEqual((circle["blocks"], circle["elements"], circle["skipped"]), (1001, 1300, 0))
        self.assertEqual((fields["radius"]["finding"], fields["radius"]["first"], fields["id"]["most"]), ("same", 3, 299))

    def test_fields_that_nobody_sets_stay_as_they_were_filled(self):
        self.start(harness.LMM, "run", "-o", "/dev/null", "--fill", PLANTED, KILO)
        _, fields = self.census(self.document("--fields", "diet_planted"), "struct packet")
        self.assertEqual({name for name, field in fields.items() if field["finding"] == "never"}, {"data", "flags", "length"})

    def test_the_table(self):
        process = self.start(FIELDS)
        text = self.succeed("diet", "--fields", str(process.pid))
        lines = text.splitlines()
        self.assertLessEqual(max(map(len, lines)), 120)
        start = next(number for number, line in enumerate(lines) if line.startswith("Fields of live blocks; "))
        self.assertEqual(re.split("  +", lines[start + 1].strip()),
                         ["saves", "type", "field", "offset", "now -> then", "what was seen"])
        self.assertEqual(re.split("  +", lines[start + 2].strip()),
                         ["35.2 KiB", "record_t", "long nevers[3]", "24", "160 -> 136", "never set: zero in all 1,500"])
        self.assertRegex(text, r"\n +- +record_t +unsigned int unset : 7 +56:1 +- +never set: zero in all 1,500\n")
        self.assertRegex(text, r"\n 23\.4 KiB +record_t +char name\[32\] +64 +160 -> 144 +at most 11 of 32 bytes are used\n")
        self.assertRegex(text, r"\n 11\.7 KiB +record_t +long small +0 +160 -> 152 +0 to 213: 1 byte would do \(has 8\)\n")
        self.assertRegex(text, r" always 7, in all 1,500\n")
        self.assertRegex(text, r" record_t \*rare +48 +- +zero in 98\.0%\n")
        self.assertIn("\nrecord_t: all changes together, in the best order: 160 -> 72 bytes, saves 128.9 KiB (132,000)\n",
                      text)
        never = [line for line in lines if "never set" in line]
        self.assertEqual(lines[start + 2:start + 2 + len(never)], never)
        self.assertIn("\n... 15 more fields: --full\n", self.succeed("diet", "--fields", "--top", "2", str(process.pid)))
        self.assertNotIn("Fields", self.succeed("diet", str(process.pid)))

    def test_full_has_the_fields_without_a_finding(self):
        process = self.start(FIELDS)
        text = self.succeed("diet", "--fields", "--full", str(process.pid))
        for field, seen in ((r"unsigned int flag : 1 +56:0", r"zero in 50\.0%, 0 to 1"),
                            (r"unsigned int set : 8 +57:0", r"zero in 0\.4%, 0 to 255"),
                            (r"double ratio +112", r"zero in 0\.0%"),
                            (r"point_t corner +104", r"zero in 0\.0%, at most 4 of 8 bytes are used"),
                            (r"unsigned long common +128", r"9 in 99\.9%")):
            self.assertRegex(text, rf"\n +- +record_t +{field} +- +{seen}\n")

    def test_what_cannot_be_read_is_said(self):
        bare = os.path.join(self.folder, "bare_fields")
        shutil.copy(FIELDS, bare)
        subprocess.run(["strip", "-g", bare], check=True)
        process = self.start(bare)
        self.assertIn("\nno fields: no type of the live blocks is known with its fields\n",
                      self.succeed("diet", "--fields", str(process.pid)))
        self.assertIn("\nnote: record_t: its fields were not found in the debug information\n",
                      self.succeed("diet", "--fields", "--type", "record_t", str(process.pid)))
        self.end_planted(self.start_planted())
        reason = "only the memory of a running process can be read (state: exited)"
        self.assertIn(f"\nnote: no fields: {reason}\n", self.succeed("diet", "--fields", "--last"))
        document = self.document("--fields", "--last")
        self.assertEqual((document["census_gap"], document.get("census")), (reason, None))

    def test_a_csv_document_has_no_place_for_them(self):
        self.fail_with(2, "--fields needs the format text or json", "diet", "--fields", "--format", "csv")

    def test_a_process_that_cannot_be_asked(self):
        self.environment["LMM_OPTIONS"] = self.environment.get("LMM_OPTIONS", "") + ":signal=0"
        process = self.start(FIELDS)
        text = self.succeed("diet", "--fields", str(process.pid))
        self.assertRegex(text, r"\nnote: no fields: process \d+ cannot be asked: LMM has no signal there ")
        self.assertNotIn("Fields", text)


class InReports(Diet):
    def report_of(self, *words, kilo=KILO):
        result = self.run_lmm(*words, PLANTED, str(kilo))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stderr

    def test_a_run_ends_with_the_three_largest(self):
        text = self.report_of(kilo=5 * KILO)
        section = text.split("\nHints ", 1)[1].split("\n\n", 1)[0].splitlines()
        self.assertEqual(len(section), 4, section)
        self.assertRegex(section[1], rf"^  1 +625\.0 KiB  struct packet \(diet_planted\.c:{line_of('PACKET:')}\): 3 holes ")
        self.assertLessEqual(max(map(len, section)), 120)
        self.assertLessEqual(len(text.splitlines()), 60)
        self.assertRegex(self.report_of("--full"), r"Order: data sent length port flags kind is_last\n")

    def test_json_has_them_all(self):
        document = json.loads(self.report_of("-F", "json", kilo=5 * KILO))["processes"][0]
        self.assertEqual((document["hints_at"], document["hints_left_out"]), ("peak", 0))
        alone = self.hints(self.document("--last"))
        self.assertGreater(len(document["hints"]), 3)
        for hint in document["hints"]:
            self.assertEqual(hint, alone[hint["kind"], hint["type"]])
            self.assertTrue(hint["saves_bytes"] >= 64 << 10 or hint["kind"] in ("foreign", "growth"), hint)
        usage = json.loads(self.succeed("report", "-F", "json", "--last"))
        self.assertEqual(usage["hints"], document["hints"])

    def test_they_can_be_left_out_and_small_ones_are(self):
        self.assertNotIn("Hints", self.report_of("--no-hints"))
        self.assertNotIn("Hints", self.report_of(kilo=1))
        self.assertNotIn('"hints', self.report_of("--no-hints", "-F", "json"))
        self.assertNotIn('"hints', self.report_of("--leaks", "-F", "json"))
        self.assertNotIn('"hints', self.succeed("report", "--last", "--no-hints", "-F", "json"))

    def test_a_report_has_them_as_notes(self):
        self.start_planted()
        text = self.succeed("report", "diet_planted")
        self.assertRegex(text, r"\nnote: -125\.0 KiB, lmm diet: struct packet \(diet_planted\.c:\d+\): 3 holes ")
        self.assertNotIn("lmm diet", self.succeed("report", "--no-hints", "diet_planted"))


harness.main()

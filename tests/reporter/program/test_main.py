# SPDX-License-Identifier: MIT
"""Subcommands, help and usage errors."""
import os
import re
import subprocess

import harness
import ledger

SOURCE = harness.SOURCE

COMMANDS = "ls report sites top watch snapshot diff gc".split()


class Main(harness.Case):
    def test_help_lists_every_subcommand(self):
        for arguments in (["help"], ["--help"], ["help", "help"]):
            text = self.succeed(*arguments)
            for command in COMMANDS:
                self.assertRegex(text, rf"(?m)^  {command} +[a-z]")

    def test_each_subcommand_explains_itself(self):
        self.environment["PATH"] = "/nowhere"    # without man(1), help prints this instead
        for command in COMMANDS:
            text = self.succeed(command, "--help")
            self.assertTrue(text.startswith(f"Usage: lmm {command} "), text)
            self.assertEqual(self.succeed("help", command), text)

    def test_version_is_printed(self):
        self.assertRegex(self.succeed("--version"), r"^lmm \d+\.\d+\.\d+\n$")
        self.assertEqual(self.succeed("ls", "--version"), self.succeed("--version"))

    def test_unknown_subcommands_are_one_line_and_status_2(self):
        self.fail_with(2, "no subcommand 'nonsense'", "nonsense")
        self.fail_with(2, "no subcommand 'nonsense'", "help", "nonsense")
        self.fail_with(2, r"no subcommand '\x1b[31m'", "\033[31m")

    def test_no_subcommand_is_a_usage_error(self):
        self.refuse("Usage: lmm SUBCOMMAND")

    def test_unknown_options_are_usage_errors(self):
        for command in COMMANDS:
            self.refuse("--nonsense", command, "--nonsense")

    def test_mistyped_options_and_words_have_a_hint(self):
        for arguments, words in (
                (["report", "--stakcs"], "unrecognized option '--stakcs' (did you mean '--stacks'?)"),
                (["report", "--fromat=json"], "unrecognized option '--fromat' (did you mean '--format'?)"),
                (["sites", "one", "--familly"], "(did you mean '--family'?)"),
                (["top", "-d", "--by", "--wrappr"], "unrecognized option '--wrappr' (did you mean '--wrapper'?)"),
                (["diff", "--top", "--tup", "--alll"], "unrecognized option '--alll' (did you mean '--all'?)"),
                (["ls", "--jsn"], "(did you mean '--json'?)"),
                (["gc", "--dry-rum"], "(did you mean '--dry-run'?)"),
                (["watch", "--versoin"], "(did you mean '--version'?)"),
                (["report", "--nothing-like-it"], "unrecognized option '--nothing-like-it'\n"),
                (["report", "--stac"], "'--stac' is ambiguous"),
                (["top", "--sort", "blokcs"], "unknown sort key 'blokcs' (did you mean 'blocks'?)"),
                (["top", "--by", "famly"], "--by takes type, line or family, not 'famly' (did you mean 'family'?)"),
                (["report", "-F", "folded", "--measure", "peek"], "(did you mean 'peak'?)")):
            self.refuse(words, *arguments)

    def test_arguments_that_look_like_mistyped_options(self):
        ledger.sample(pid=77).write(self.in_ledgers("saved.lmm"))
        self.succeed("report", "--wrapper", "--stakcs", "--family=--fromat", "--al", "saved.lmm",
                     cwd=self.ledgers)
        self.fail_with(1, "--stakcs", "report", "--", "--stakcs")
        self.environment["POSIXLY_CORRECT"] = "1"
        self.refuse("name one process or file only", "report", "saved.lmm", "--stakcs")

    def test_invalid_options_are_usage_errors(self):
        for arguments, words in (
                (["report", "--sort", "beauty"], "unknown sort key 'beauty'"),
                (["report", "--top", "0"], "--top"),
                (["report", "--top", "-1"], "--top"),
                (["report", "--top", "5x"], "--top"),
                (["report", "--top", "99999999999999999999"], "--top"),
                (["report", "--format", "word"], "unknown format 'word'"),
                (["report", "--measure", "peak"], "--measure is for the formats folded and pprof"),
                (["report", "--measure", "size", "-F", "pprof"], "--measure takes live, peak"),
                (["report", "one", "two"], "two"),
                (["sites", "one", "two"], "two"),
                (["ls", "--sort", "byte"], "unknown sort key 'byte' (did you mean 'bytes'?)"),
                (["ls", "--format", "csv"], "csv"),
                (["snapshot"], "-o FILE"),
                (["snapshot", "-o", "x", "one", "two"], "two"),
                (["gc", "--older-than", "soon"], "soon"),
                (["gc", "--older-than", "30"], "--older-than needs a unit: '30s', '30m' or '30h'?"),
                (["gc", "--older-than", "1.5"], "--older-than needs a unit"),
                (["gc", "--older-than", ""], "invalid duration"),
                (["gc", "1"], "1")):
            self.refuse(words, *arguments)

    def test_each_page_of_the_manual_has_the_options_of_its_subcommand(self):
        for command in COMMANDS:
            with open(os.path.join(SOURCE, "docs", "man", f"lmm-{command}.1.scd"),
                      encoding="utf-8") as file:
                page = file.read()
            in_page = set(re.findall(r"\*(--[a-z][-a-z]*)\*", page))
            in_help = set(re.findall(r"--[a-z][-a-z]*", self.succeed(command, "--help")))
            self.assertEqual(in_page - {"--help", "--version", "--usage"},
                             in_help - {"--help", "--version", "--usage"}, command)

    def complete(self, *words):
        """What bash suggests for the last word."""
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lmm; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        if not os.path.exists(self.path("lmm")):
            os.symlink(harness.LMM, self.path("lmm"))
        self.environment["PATH"] = self.folder + ":" + os.environ["PATH"]
        result = subprocess.run(["bash", "-c", script, "bash",
                                 os.path.join(SOURCE, "reporter", "program", "cmd", "lmm.bash"), *words],
                                env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, encoding="utf-8", timeout=harness.PATIENCE_SECONDS,
                                cwd=self.ledgers, check=True)
        self.assertEqual([line for line in result.stderr.splitlines() if "compopt" not in line], [])
        return result.stdout.split()

    def test_completion_offers_subcommands_options_and_values(self):
        self.assertEqual(self.complete("lmm", "s"), ["sites", "serve", "snapshot"])
        self.assertEqual(self.complete("lmm", "help", "re"), ["report"])
        self.assertEqual(self.complete("lmm", "report", "--format", "p"), ["pprof"])
        self.assertEqual(self.complete("lmm", "report", "--format", "=", "op"), ["openmetrics"])
        self.assertEqual(self.complete("lmm", "ls", "-F", ""), ["text", "json"])
        self.assertEqual(self.complete("lmm", "sites", "--sort", "b"), ["bytes", "blocks"])
        self.assertEqual(self.complete("lmm", "ls", "--sort", "s"), ["start", "state"])
        self.assertEqual(self.complete("lmm", "sites", "--by", "f"), ["function", "family"])
        self.assertEqual(self.complete("lmm", "gc", "--d"), ["--dry-run"])
        self.assertEqual(self.complete("lmm", "ru"), ["run"])
        self.assertEqual(self.complete("lmm", "run", "--sta"), ["--stacks-per-row"])
        self.assertEqual(self.complete("lmm", "run", "--stacks-per-row", "3", "--fu"), ["--full"])
        self.assertEqual(self.complete("lmm", "run", "--fit", "b"), ["best"])
        self.assertEqual(self.complete("lmm", "run", "--temporary", "h"), ["heaptrack"])
        self.assertEqual(self.complete("lmm", "top", "--by", ""), ["type", "line", "family"])
        self.assertEqual(self.complete("lmm", "run", "--measure", "pe"), ["peak"])
        self.assertEqual(self.complete("lmm", "report", "--measure", "pe"), ["peak"])
        self.assertEqual(self.complete("lmm", "run", "--format", "=", "j"), ["json", "junit"])
        self.assertEqual(self.complete("lmm", "leaks", "--format", ""), ["text", "json", "junit", "sarif"])
        self.assertIn("bash", self.complete("lmm", "run", "--depth", "3", "--leaks", "bas"))
        self.assertIn("bash", self.complete("lmm", "run", "--depth", "=", "3", "--", "bas"))

    def test_completion_offers_every_option(self):
        for command in COMMANDS:
            help_text = self.succeed(command, "--help")
            options = set(re.findall(r"^ +(?:-.*, )?(--[a-z][-a-z]*)", help_text, re.MULTILINE))
            self.assertEqual(options - set(self.complete("lmm", command, "--")), set(), command)

    def test_completion_knows_the_words_of_options(self):
        """Each option that refuses a word and says which it takes, or that it does not know it."""
        ledger.sample().write(self.in_ledgers("saved.lmm"))
        for command in COMMANDS:
            for line in self.succeed("complete", command).splitlines():
                option, argument, _, *words = line.split()
                if argument == "word" and option.startswith("--"):
                    text = self.lmm(command, option, "zzzzz", "saved.lmm").stderr
                    refuses = re.search(r"unknown [a-z ]+ 'zzzzz'|takes [a-z, ]+, not 'zzzzz'", text)
                    self.assertEqual(bool(refuses), len(words) > 0 and option != "--options", (command, option))

    def settings(self):
        with open(os.path.join(SOURCE, "lib", "ground", "options.c"), encoding="utf-8") as file:
            keys = set(re.findall(r'(?m)^    \{"([a-z]+)", (?:set|print)_', file.read()))
        self.assertGreater(len(keys), 10)
        return keys

    def test_the_manual_knows_every_setting(self):
        with open(os.path.join(SOURCE, "docs", "man", "lmm.7.scd"), encoding="utf-8") as file:
            self.assertEqual(set(re.findall(r"(?m)^\*([a-z]+)\*=", file.read())), self.settings())

    def test_completion_knows_every_setting_that_lmm_run_leaves_to_the_user(self):
        keys = self.settings()
        refused = {key for key in keys if f"cannot set {key}" in self.lmm("run", "--options", f"{key}=1", "true").stderr}
        self.assertEqual(set(self.complete("lmm", "run", "--options", "")), {key + "=" for key in keys - refused - {"help"}})

    def test_completion_after_the_program_is_the_program_s(self):
        self.assertEqual(self.complete("lmm", "run", "sort", "--format", "te"), [])

    def test_completion_of_option_arguments(self):
        self.assertEqual(self.complete("lmm", "run", "--options", "le"), ["leaks="])
        words = ["lmm", "run", "--options", "leaks", "=", "1", ":", "usage", "=", "1"]
        self.assertIn("bash", self.complete(*words, "bas"))
        self.assertEqual(self.complete(*words, "--deb"), ["--debuginfod"])
        self.assertEqual(self.complete("lmm", "watch", "-e", ""), [])
        ledger.sample(pid=77).write(self.in_ledgers("saved.lmm"))
        self.assertEqual(self.complete("lmm", "report", "--stacks", "=", ""), [])
        self.assertEqual(self.complete("lmm", "report", "--stacks", "h"), ["hr"])
        self.assertEqual(self.complete("lmm", "run", "--suppressions", "s"), ["saved.lmm"])

    def test_completion_offers_processes_and_files(self):
        ledger.sample(pid=77).write(self.in_ledgers("saved.lmm"))
        self.assertEqual(sorted(self.complete("lmm", "report", "")), ["77", "hr", "saved.lmm"])
        self.assertEqual(self.complete("lmm", "diff", "saved.lmm", "h"), ["hr"])
        self.assertEqual(self.complete("lmm", "snapshot", "-o", "s"), ["saved.lmm"])

    def test_each_sort_key_is_offered_and_accepted(self):
        ledger.sample().write(self.in_ledgers("saved.lmm"))
        for command in ("report", "sites", "top"):
            keys = self.complete("lmm", command, "--sort", "")
            self.assertGreater(len(keys), 5)
            for key in keys:
                once = ["--once"] if command == "top" else []
                self.succeed(command, *once, "--sort", key, self.in_ledgers("saved.lmm"))


harness.main()

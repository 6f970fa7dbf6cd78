# SPDX-License-Identifier: MIT
"""Names stay true: files that were replaced, functions that the linker dropped, debug information that cannot be read."""
import json
import os
import shutil
import subprocess

import harness
import names

REPLACED = "not the file that was mapped; its functions have no names"


class Files(names.Case):
    def places(self, *words, **options):
        return {size: place for place, size in self.leaks(*words, **options).items()}

    def at(self, mark, source="alpha_beta.c"):
        function = {"alpha": "alpha", "beta": "beta"}.get(mark, mark)
        return (function, source, names.marks_of(source)[mark])

    # ---- Replaced

    def make_both(self, *options):
        self.compile("-g", "-O1", "-w", *options, "alpha_beta.c", "-o", "program")
        self.compile("-g", "-O1", "-w", *options, "-DSWAPPED", "alpha_beta.c", "-o", "other")

    def test_a_replaced_program_is_told_and_not_misread(self):
        """lmm run has the file open, and names it rightly; a report that is made later cannot."""
        for build_id in ("sha1", "none"):
            for command in ("cp other new && mv new program", "mv program moved", "rm program"):
                self.make_both(f"-Wl,--build-id={build_id}")
                right = {111: self.at("alpha"), 222: self.at("beta")}
                self.assertEqual(self.places("--keep", "./program", command, stderr=None), right)
                path = self.kept()
                result = self.lmm("report", "--format", "json", path)
                is_there = os.path.exists(self.path("program"))
                self.assertEqual(result.stderr, f"lmm: {self.path('program')}: {REPLACED}\n" if is_there else "")
                self.assertNotIn('"alpha"', result.stdout)
                self.assertNotIn('"beta"', result.stdout)
                os.remove(path)

    def test_a_running_program_that_was_replaced(self):
        """A report of it, too, takes the file that the kernel holds."""
        for build_id in ("sha1", "none"):
            self.make_both(f"-Wl,--build-id={build_id}")
            process = self.start(harness.LMM, "run", "-o", self.path("report"), "./program", "echo ready; read line",
                                 cwd=self.folder)
            os.rename(self.path("other"), self.path("program"))
            sites = json.loads(self.succeed("report", "--format", "json"))["sites"]
            places = {site["live_bytes"]: (site["function"], os.path.basename(site["file"]), site["line"])
                      for site in sites}
            self.assertEqual({size: places[size] for size in (111, 222)}, {111: self.at("alpha"), 222: self.at("beta")})
            process.communicate(b"\n", timeout=harness.PATIENCE_SECONDS)
            self.assertEqual(process.returncode, 0)

    def test_a_plugin_that_was_gone_when_it_allocated_first(self):
        """Without a build-id nothing tells what it was, so no file is taken for it."""
        self.compile("-g", "-O1", "-w", "-D_GNU_SOURCE", "-DGONE", "loader.c", "-o", "loader")
        self.compile("-g", "-O1", "-w", "-shared", "-fPIC", "-Wl,--build-id=none", "plugin.c", "-o", "plugin.so")
        shutil.copy(self.path("plugin.so"), self.path("other.so"))
        document = self.document("./loader", self.path("plugin.so"), "1", "mv other.so plugin.so",
                                 stderr=f"lmm: {self.path('plugin.so')}: {REPLACED}\n")
        leak, = [leak for leak in document["leaks"] if leak["bytes"] == 10]
        self.assertRegex(leak["stacks"][0]["calls"][0]["function"], r"^plugin\.so\+0x")

    def test_a_plugin_that_was_removed(self):
        """The command waits until lmm, the parent of its parent, has opened it; then it removes the plugin."""
        self.compile("-g", "-O1", "-w", "-D_GNU_SOURCE", "loader.c", "-o", "loader")
        wait = ("lmm=$(awk '/^PPid/ { print $2 }' /proc/$PPID/status); "
                "until ls -l /proc/$lmm/fd 2>/dev/null | grep -q plugin.so; do sleep 0.01; done; rm plugin.so")
        for build_id in ("sha1", "none"):
            self.compile("-g", "-O1", "-w", "-shared", "-fPIC", f"-Wl,--build-id={build_id}", "plugin.c", "-o", "plugin.so")
            rows = self.places("./loader", self.path("plugin.so"), "1", wait)
            self.assertEqual(rows[10], self.at("entry", "plugin.c"))

    def test_stacks_of_a_plugin_that_is_loaded_at_many_places(self):
        self.compile("-g", "-O1", "-w", "-D_GNU_SOURCE", "loader.c", "-o", "loader")
        for build_id in ("sha1", "none"):
            self.compile("-g", "-O1", "-w", "-shared", "-fPIC", f"-Wl,--build-id={build_id}", "plugin.c", "-o", "plugin.so")
            document = self.document("--keep", "./loader", "./plugin.so", "300", stderr=None)
            leak, = [leak for leak in document["leaks"] if leak["function"] == "entry"]
            self.assertEqual((leak["blocks"], leak["bytes"], len(leak["stacks"])), (300, 3000, 1))
            os.remove(self.kept())

    def kept(self):
        for folder, _, files in os.walk(self.ledgers):
            for name in files:
                return os.path.join(folder, name)
        return self.fail("no ledger was kept")

    def test_a_program_that_was_changed_in_place_is_another(self):
        """Without a build-id, the time of change tells."""
        self.make_both("-Wl,--build-id=none")
        self.document("--keep", "./program", stderr=None)
        path = self.kept()
        self.assertEqual(self.lmm("report", path).stderr, "")
        os.utime(self.path("program"), (1, 1))
        self.assertEqual(self.lmm("report", path).stderr, f"lmm: {self.path('program')}: {REPLACED}\n")

    # ---- Functions that the linker dropped

    def make_ghost(self, *options):
        lines = "".join(f"  x = x * {2 * i + 3}u + *p++; if (x & {1 << i % 20}) x ^= p[{i % 7}];\n" for i in range(900))
        self.file("ghost.c", "#include <stdlib.h>\nunsigned ghost(unsigned x, const volatile unsigned *p)\n{\n" + lines +
                  "  return x;\n}\nvoid *volatile kept;\nvoid used(void)\n{\n  kept = malloc(5);\n"
                  "  kept = malloc(6);\n  kept = malloc(7);\n}\n")
        self.file("main.c", "void *plain_alloc(unsigned long); void used(void);\n"
                  "int main(void) { void *volatile p = plain_alloc(77); used(); (void)p; return 0; }\n")
        self.compile("-O2", "-c", "plain_alloc.c", "-o", "plain_alloc.o")
        self.compile("-g", "-O1", "-ffunction-sections", *options, "-c", "ghost.c", "main.c")
        return 904 + 5

    def test_functions_that_the_linker_dropped(self):
        """The first function is long, so its place from address 0 on reaches into the code of the others."""
        for debug in (["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-gz=zlib"]):
            for linker in ("bfd", "gold", "lld"):
                if shutil.which(f"ld.{linker}") is None:
                    continue
                line = self.make_ghost(*debug)
                self.compile(f"-fuse-ld={linker}", "-Wl,--gc-sections", *debug, "plain_alloc.o", "main.o", "ghost.o", "-o", "dropped")
                leaks = {leak["bytes"]: leak for leak in self.document("./dropped")["leaks"]}
                calls = {size: [(call["function"], call["line"]) for call in leak["stacks"][0]["calls"][:2]]
                         for size, leak in leaks.items()}
                self.assertEqual(calls, {77: [("plain_alloc", 0), ("main", 2)],
                                         **{5 + i: [("used", line + i), ("main", 2)] for i in range(3)}}, (debug, linker))

    # ---- What cannot be read

    def test_compressed_debug_information(self):
        self.compile("-g", "-O1", "-w", "alpha_beta.c", "-o", "program")
        right = {111: self.at("alpha"), 222: self.at("beta")}
        for how in ("zlib", "zlib-gnu", "zstd"):
            copy = self.path(how)
            if subprocess.run(["objcopy", f"--compress-debug-sections={how}", self.path("program"), copy],
                              stderr=subprocess.DEVNULL, check=False).returncode != 0:
                continue
            document = self.document(copy, stderr=None)
            line = (f"lmm: {copy}: libdw cannot read its debug information, which is compressed with zstd; "
                    "its functions have no lines\n")
            found = {leak["bytes"]: (leak["function"], os.path.basename(leak["file"]), leak["line"])
                     for leak in document["leaks"]}
            if self.stderr == line:    # libdw before 0.189 knows no zstd
                right = {111: ("alpha", "zstd", 0), 222: ("beta", "zstd", 0)}
            else:
                self.assertEqual(self.stderr, "", how)
            self.assertEqual(found, right, how)

    def test_split_debug_information(self):
        for version in (4, 5):
            self.compile("-g", f"-gdwarf-{version}", "-gsplit-dwarf", "-O1", "-w", "-c", "alpha_beta.c", "-o", "split.o")
            self.compile("split.o", "-o", "split")
            right = {111: self.at("alpha"), 222: self.at("beta")}
            self.assertEqual(self.places("./split"), right)
            os.rename(self.path("split.dwo"), self.path("split.dwp"))
            self.assertEqual(self.places("./split", stderr=f"lmm: {self.path('split')}: libdw cannot read its debug "
                                         f"information in {self.path('split')}.dwp; inlined functions have no names\n"),
                             right)
            os.remove(self.path("split.dwp"))
            self.assertEqual(self.places("./split", stderr=f"lmm: {self.path('split')}: a file with its debug information "
                                         "is missing: split.dwo; inlined functions have no names\n"), right)

    def test_debug_files_by_build_id(self):
        """Of a program that is not there any more."""
        if shutil.which("strace") is None:
            self.skipTest("strace is missing")
        self.make_both()
        self.document("--keep", "./program", stderr=None)
        path = self.kept()
        notes = subprocess.run(["readelf", "-n", self.path("program")], capture_output=True, check=True, text=True).stdout
        build_id = notes.split("Build ID: ")[1].split()[0]
        os.remove(self.path("program"))
        trace = self.path("trace")
        harness.run("strace", "-e", "trace=open,openat", "-o", trace, harness.LMM, "report", path, env=self.environment)
        self.assertIn(f"/usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug", self.text_of("trace"))


harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_ci.py DIR: whether the golden JUnit and SARIF documents in DIR have the structure that their schemas ask for:
junit-10.xsd of Jenkins, and sarif-schema-2.1.0.json of OASIS."""
import glob
import json
import os
import re
import sys
import unittest
import xml.etree.ElementTree as tree

FOLDER = sys.argv.pop(1)
RESULT = {"ruleId", "ruleIndex", "level", "message", "locations", "stacks", "partialFingerprints", "baselineState",
          "properties"}


def documents(ending):
    names = sorted(glob.glob(os.path.join(FOLDER, "*" + ending)))
    assert names, ending
    return names


class JUnit(unittest.TestCase):
    def check_counts(self, element, cases):
        counts = {name: int(element.get(name)) for name in ("tests", "failures", "errors")}
        found = {"tests": len(cases), "failures": sum(case.find("failure") is not None for case in cases),
                 "errors": sum(case.find("error") is not None for case in cases)}
        self.assertEqual(counts, found)
        self.assertRegex(element.get("time"), r"^\d+\.\d{3}$")

    def test_structure(self):
        for name in documents(".xml"):
            with self.subTest(name):
                root = tree.parse(name).getroot()
                self.assertEqual(root.tag, "testsuites")
                self.check_counts(root, list(root.iter("testcase")))
                for suite in root:
                    self.assertEqual((suite.tag, bool(suite.get("name"))), ("testsuite", True))
                    self.check_counts(suite, list(suite))
                    for case in suite:
                        self.assertEqual(case.tag, "testcase")
                        self.assertTrue(case.get("name") and case.get("classname"))
                        self.assertLessEqual({child.tag for child in case}, {"failure", "error"})
                        for child in case:
                            self.assertTrue(child.get("message") and child.get("type"))


class Sarif(unittest.TestCase):
    def check_location(self, location):
        self.assertLessEqual(set(location), {"physicalLocation", "logicalLocations"})
        if "physicalLocation" in location:
            physical = location["physicalLocation"]
            self.assertGreaterEqual(physical["region"]["startLine"], 1)
            self.assertRegex(physical["artifactLocation"]["uri"], r"^(file://)?([A-Za-z0-9\-._~/]|%[0-9A-F]{2})+$")
        for logical in location.get("logicalLocations", []):
            self.assertTrue(logical["fullyQualifiedName"])

    def check_result(self, result, rules):
        self.assertLessEqual(set(result), RESULT)
        self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
        self.assertIn(result["level"], ("none", "note", "warning", "error"))
        self.assertIn(result.get("baselineState", "new"), ("new", "unchanged", "updated", "absent"))
        self.assertTrue(result["message"]["text"])
        type_name = result.get("properties", {"type": {"name": ""}})["type"]["name"]
        self.assertIn(type_name and f" of {type_name}", result["message"]["text"])
        self.assertEqual(len(result["locations"]), 1)
        for location in result["locations"]:
            self.check_location(location)
        for stack in result["stacks"]:
            for frame in stack["frames"]:
                self.check_location(frame["location"])
        for key, value in result["partialFingerprints"].items():
            self.assertTrue(re.fullmatch(r"\w+/v\d+", key) and re.fullmatch("[0-9a-f]{16}", value))

    def test_structure(self):
        for name in documents(".sarif"):
            with self.subTest(name), open(name, encoding="utf-8") as file:
                document = json.load(file)
                self.assertEqual(document["version"], "2.1.0")
                run, = document["runs"]
                driver = run["tool"]["driver"]
                self.assertTrue(driver["name"] and all(rule["shortDescription"]["text"] for rule in driver["rules"]))
                invocation, = run["invocations"]
                notes = invocation["toolExecutionNotifications"]
                self.assertIn(invocation["executionSuccessful"], (True, False))
                self.assertFalse(invocation["executionSuccessful"] and notes)
                self.assertTrue(all(note["message"]["text"] for note in notes))
                for result in run["results"]:
                    self.check_result(result, driver["rules"])


if __name__ == "__main__":
    unittest.main()

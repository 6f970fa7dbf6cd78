# SPDX-License-Identifier: MIT
"""For python3 with PYTHONMALLOC=malloc: json, sorting, classes, threads, subprocesses, regular expressions."""
import collections
import gc
import hashlib
import json
import multiprocessing
import re
import subprocess
import sys
import threading
import zlib


class Node:
    def __init__(self, value):
        self.value = value
        self.children = []
        self.parent = None

    def add(self, child):
        child.parent = self
        self.children.append(child)
        return child

    def total(self):
        return self.value + sum(child.total() for child in self.children)


def build(depth, value=1):
    node = Node(value)
    for i in range(4 if depth else 0):
        node.add(build(depth - 1, value + i))
    return node


def work(number, results):
    words = collections.Counter(str(i * number % 997) for i in range(20000))
    results[number] = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:3]


def square(number):
    return number * number


def main():
    records = [{"id": i, "name": f"name {i}", "tags": [str(i % k) for k in range(1, 6)], "half": i / 2}
               for i in range(15000)]
    text = json.dumps(records)
    again = json.loads(text)
    again.sort(key=lambda record: (record["tags"], -record["id"]))
    print(len(text), again[0], hashlib.sha256(json.dumps(again).encode()).hexdigest())
    print(build(6).total(), gc.collect() >= 0)
    results = {}
    threads = [threading.Thread(target=work, args=(i, results)) for i in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(results.items()))
    print(subprocess.run([sys.executable, "-c", "print(sum(range(1000)))"], stdout=subprocess.PIPE,
                         check=True).stdout)
    print(subprocess.run("echo from a shell | tr a-z A-Z", shell=True, stdout=subprocess.PIPE,
                         check=True).stdout)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(sum(pool.map(square, range(2000))))
    data = text.encode() * 3
    print(zlib.crc32(zlib.decompress(zlib.compress(data, 3))) == zlib.crc32(data))
    print(len(re.findall(r"name (\d)\1", text)), sum(bytearray(data[:1000000])))
    print(pow(7, 12345, 10 ** 50), (3 ** 20000).bit_length())


main()

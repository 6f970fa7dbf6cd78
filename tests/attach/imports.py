# SPDX-License-Identifier: MIT
"""imports.py: threads that build and drop objects, while the first one imports modules one by one, in a circle of
processes' usual ones. SIGTERM ends it, with status 3."""
import importlib
import signal
import sys
import threading
import time

MODULES = ("json decimal sqlite3 ssl xml.dom.minidom xml.etree.ElementTree ctypes email.message http.client asyncio"
           " unittest csv zlib bz2 lzma hashlib multiprocessing fractions statistics difflib tarfile zipfile curses"
           " readline mmap socketserver urllib.request html.parser configparser logging.handlers").split()
over = threading.Event()


def work(number):
    kept = {}
    i = number
    while not over.is_set():
        i += 1
        text = str(i) * (i % 50 + 1)
        kept[i % 997] = [text, text.encode(), {text[:5]: bytearray(i % 3000)}]
        old = kept.get((i * 7) % 997)
        if old is not None and old[0].encode() != old[1]:
            print("damage", flush=True)
            sys.exit(1)


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: over.set())
    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    waiting = list(MODULES)
    while not over.is_set():
        if waiting:
            try:
                importlib.import_module(waiting.pop(0))
            except ImportError:
                pass
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    sys.exit(3)


main()

# SPDX-License-Identifier: MIT
"""A server with the part of docs/http-api.md that the page uses, whose answers a test decides.

It serves the page of an HTML report without its data, so that the page works live.
"""
import http.server
import json
import queue
import re
import threading

import page_file

KEEP_ALIVE_SECONDS = 0.5


class FakeServer:
    """documents: a page document for each id; events: what every open stream gets next."""

    def __init__(self, report, documents):
        self.page = page_file.DATA.sub(b"", report)
        # The server sends its policy as a header, and this page has no data to protect.
        self.page = re.sub(rb"<meta http-equiv[^>]*>", b"", self.page)
        self.documents = documents
        self.answers = {}      # of POSTs, by path
        self.posts = []        # (path, body)
        self.streams = []
        self.list = {"sequence": 1, "time_ns": 0, "processes": [
            {"id": name, "pid": document["process"]["pid"], "program": document["process"]["program"],
             "command": " ".join(document["process"]["command"]), "state": document["process"]["state"],
             "start_time_ns": document["process"]["start_time_ns"], "end_time_ns": 0, "resident_bytes": 0, "limit_bytes": 0,
             **{key: document["totals"][key] for key in ("live_bytes", "live_blocks", "peak_bytes")}}
            for name, document in documents.items()]}
        self.is_silent = False
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                owner.get(self)

            def do_POST(self):
                owner.post(self)

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.say_nothing_more()
        self.http.shutdown()
        self.http.server_close()

    def say_nothing_more(self):
        """Ends all streams, and refuses new ones."""
        self.is_silent = True
        for stream in self.streams:
            stream.put(None)

    def tell(self, event, data, path="/events"):
        """Sends an event to the streams whose path ends so."""
        for stream in list(self.streams):
            if stream.path.endswith(path):
                stream.put(f"event: {event}\ndata: {json.dumps(data)}\n\n")

    def get(self, request):
        path = request.path.partition("?")[0]
        if path == "/":
            self.answer(request, 200, "text/html; charset=utf-8", self.page)
        elif path.endswith("/events"):
            self.stream(request, path)
        elif path == "/api/v1/processes":
            self.answer_json(request, 200, self.list)
        elif path.startswith("/api/v1/processes/"):
            name, _, rest = path[len("/api/v1/processes/"):].partition("/")
            document = self.documents.get(name + "/" + rest if rest else name)
            self.answer_json(request, *((200, document) if document else (404, {"error": "no such process"})))
        else:
            self.answer_json(request, 404, {"error": "no such path"})

    def post(self, request):
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        self.posts.append((request.path, body))
        self.answer_json(request, *self.answers.get(request.path.rpartition("/")[2], (404, {"error": "no such path"})))

    def answer_json(self, request, status, document):
        self.answer(request, status, "application/json", json.dumps(document).encode())

    @staticmethod
    def answer(request, status, kind, body):
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def stream(self, request, path):
        if self.is_silent:
            request.close_connection = True
            return
        events = queue.Queue()
        events.path = path
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        self.streams.append(events)
        try:
            while True:
                try:
                    text = events.get(timeout=KEEP_ALIVE_SECONDS)
                except queue.Empty:
                    text = ": here\n\n"
                if text is None:
                    return
                request.wfile.write(text.encode())
                request.wfile.flush()
        except OSError:
            pass
        finally:
            self.streams.remove(events)

"""One page; behaviour.json beside it says how it misbehaves."""

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BEHAVIOUR = json.loads(Path(__file__).with_name("behaviour.json").read_text())
DRAINING = Path("/run/draining")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/healthz":
            draining = DRAINING.exists()
            body = json.dumps(
                {
                    "status": "draining" if draining else "ok",
                    "build": os.environ.get("RELEASE_BUILD", ""),
                    "instance": socket.gethostname(),
                }
            )
            self.answer(503 if draining else 200, body, "application/json")
            return
        time.sleep(BEHAVIOUR.get("delay_s", 0))
        title = BEHAVIOUR.get("title", "Tiny")
        page = f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1>"
        self.answer(BEHAVIOUR.get("status", 200), page, "text/html")

    def answer(self, status, text, kind):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64


if BEHAVIOUR.get("starts", True) is False:
    sys.exit("tiny: no database at /var/lib/tiny")
Server((os.environ["BIND_ADDRESS"], 8080), Handler).serve_forever()

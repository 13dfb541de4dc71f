"""A service of one file, for the harness's own tests."""

import json
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DRAINING = Path("/run/web/draining")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {
            "status": "ok",
            "build": os.environ.get("RELEASE_BUILD", ""),
            "instance": socket.gethostname(),
        }
        body = json.dumps(told).encode()
        drained = self.path == "/healthz" and DRAINING.exists()
        self.send_response(503 if drained else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer((os.environ["BIND_ADDRESS"], 8080), Handler)
signal.signal(
    signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start()
)
sys.stdout.write("serving\n")
sys.stdout.flush()
server.serve_forever()

"""Gunicorn's settings: ``gunicorn --config python:rocdash.serving``.

Names of this module are names of gunicorn's settings.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

workers = 2
threads = 4
preload_app = True
"""Loaded once, shared by the workers: starts sooner, and one session key for all."""
graceful_timeout = 10
timeout = 30
keepalive = 5
worker_tmp_dir = os.environ.get("RUNTIME_DIRECTORY")
"""Heartbeats: in memory and the service's own, where systemd gives such a folder."""
errorlog = "-"
accesslog = None
loglevel = "info"
proc_name = "rocdash"
control_socket_disable = True

_DRAIN_FILE = Path(os.environ.get("ROCDASH_DRAIN_FILE", "/run/rocdash/draining"))


def pre_request(worker: Any, request: Any) -> None:  # noqa: ARG001 - gunicorn's, untyped
    """Close connections while draining, so that clients come back elsewhere."""
    if _DRAIN_FILE.exists():
        request.force_close()

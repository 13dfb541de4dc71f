"""Beside the recorder: which requests wait for their answer.

Runs inside Locust and imports nothing of the harness. Locust tells of a request when it
ends. One that never ends would be missing from the figures, and it is the one that
matters most. To note each as it begins would cost each some microseconds; so at the end
all greenlets are looked at, and those that stand inside a request of Locust's clients
tell of it by that function's own variables.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import FrameType
from typing import Any

from greenlet import greenlet  # type: ignore[import-untyped]
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession

REQUESTS = {session.request.__code__ for session in (HttpSession, FastHttpSession)}


def waiting() -> Iterator[tuple[float, str, str]]:
    """Yield since when, with which method and by which name requests wait.

    Since when is the time that was due, where an arrival put it on its greenlet.
    """
    for there in [each for each in gc.get_objects() if isinstance(each, greenlet)]:
        frame = _request(there.gr_frame)
        if frame is not None:
            told: dict[str, Any] = frame.f_locals
            began = getattr(there, "due", None) or told.get("start_time")
            # Before it has a start, a request has not been sent.
            if began is not None:
                yield began, told["method"], str(told["name"] or told["url"])


def _request(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code not in REQUESTS:
        frame = frame.f_back
    return frame

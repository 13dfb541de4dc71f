"""Somebody who visits a site while it is released."""

from __future__ import annotations

import threading
import urllib.request
from typing import Self


class Visitor:
    """Asks a page over and over, each time on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._visit)
        self.titles: list[str] = []
        """What was answered, in order; a failure stands here as its text."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join(30)

    def _visit(self) -> None:
        while not self._left.wait(0.02):
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:
                    page = answer.read().decode()
                self.titles.append(page.partition("<h1>")[2].partition("<")[0])
            except OSError as error:
                self.titles.append(repr(error))

r"""Read what Packer prints with ``-machine-readable``. Pure: lines in, facts out.

A line is ``timestamp,target,type,data,...``; within a field a comma is
``%!(PACKER_COMMA)``, a newline ``\n`` and a carriage return ``\r`` (source: Packer,
"Machine-readable output"). What a person would see comes as ``ui`` lines, which say
most errors twice more; each is told once here. Lines that are no such line, as a
crash prints them, are output.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

LAST_LINES = 12
_LINE = re.compile(
    r"\d+,(?P<target>[^,]*),(?P<kind>[^,]+)(?:,(?P<data>.*))?", re.DOTALL
)
_SPOKEN = re.compile(r"(?P<mark>==>|   ) (?P<target>[^\s:]+): ?(?P<text>.*)")
_GROUP = re.compile(r"\s*-> ResourceGroupName\s*: '(?P<name>[^']+)'")
_CREATING = "Creating resource group"
_EXISTING = "Using existing resource group"
_GONE = ("Resource group has been deleted", " Not waiting for Resource Group delete")
_STEP_FAILED = "Provisioning step had errors"
_REPEATED = ("Build '", "-->", "==> Some builds")
"""How lines begin that say an error again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One machine-readable line."""

    target: str
    """The build that it is about, such as ``azure-arm.web``, or ""."""
    kind: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Something to tell while Packer runs."""

    text: str
    is_step: bool = False
    """Whether a step begins with it; else it is a line that a step printed."""


def parse(text: str) -> Line | None:
    """Return a line's parts, or None when it is no machine-readable one."""
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    data = found["data"]
    return Line(
        target=found["target"],
        kind=found["kind"],
        data=() if data is None else tuple(map(_plain, data.split(","))),
    )


def _plain(field_text: str) -> str:
    text = field_text.replace("%!(PACKER_COMMA)", ",")
    return text.replace("\\n", "\n").replace("\\r", "\r")


@dataclass(kw_only=True, slots=True)
class Log:
    """What Packer has said so far.

    Attributes:
        created: Resource groups that it said it would create.
        gone: Those of them that it has deleted, or has Azure deleting.
        existing: Resource groups that were there before, which it builds in.
        errors: What went wrong, each thing once.
        artifacts: Lines about artifacts, in order.
        failed_step: The provisioner that failed, as Packer names it, or "".
        last: The last lines that the failed, or else the latest, step printed.
    """

    created: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    artifacts: list[Line] = field(default_factory=list)
    failed_step: str = ""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    _complaints: list[str] = field(default_factory=list)
    _step: str = ""
    _awaited: dict[str, list[str]] = field(default_factory=dict)
    _group_of: dict[str, str] = field(default_factory=dict)

    @property
    def step(self) -> str:
        """The step that it is at, or ""."""
        return self._step

    def why(self) -> str:
        """Return why it failed: what was wrong with builds, else with the template."""
        return "\n".join(self.errors or self._complaints)

    def read(self, text: str) -> list[Said]:
        """Take one line of Packer's output; return what to tell of it."""
        line = parse(text)
        if line is None:
            return list(self._output(text))
        if line.kind == "artifact":
            self.artifacts.append(line)
        elif line.kind == "error":
            self._add(self.errors, ",".join(line.data).strip())
        elif line.kind == "ui" and len(line.data) > 1:
            return list(self._spoken(line.data[0], ",".join(line.data[1:])))
        return []

    def _spoken(self, manner: str, text: str) -> Iterator[Said]:
        shown = text.strip()
        if shown.startswith("-->"):
            return
        if manner == "error" and _SPOKEN.match(text) is None:
            if not shown.startswith(_REPEATED):
                self._add(self._complaints, shown)
            return
        for each in text.split("\n"):
            spoken = _SPOKEN.fullmatch(each)
            if spoken is None:
                if each.strip():
                    yield from self._output(each.rstrip())
            elif manner == "say":
                yield from self._say(spoken["target"], spoken["text"])
            else:
                yield from self._output(spoken["text"].rstrip())

    def _say(self, target: str, text: str) -> Iterator[Said]:
        self._note_group(target, text)
        if text.startswith(_STEP_FAILED):
            self.failed_step = self.failed_step or self._step
        if not text.strip():
            return
        if text.startswith(" "):
            yield from self._output(text.rstrip())
            return
        if not self.failed_step:
            self.last.clear()
            self._step = text.rstrip(" .")
        yield Said(text.rstrip(" ."), is_step=True)

    def _note_group(self, target: str, text: str) -> None:
        named = _GROUP.match(text)
        if named and target in self._awaited:
            self._add(self._awaited.pop(target), named["name"])
            self._group_of[target] = named["name"]
        elif text.startswith(_CREATING):
            self._awaited[target] = self.created
        elif text.startswith(_EXISTING):
            self._awaited[target] = self.existing
        elif text.startswith(_GONE):
            self._add(self.gone, self._group_of.get(target, ""))

    def _output(self, text: str) -> Iterator[Said]:
        if not self.failed_step:
            self.last.append(text)
        yield Said(text)

    @staticmethod
    def _add(to: list[str], text: str) -> None:
        if text and text not in to:
            to.append(text)

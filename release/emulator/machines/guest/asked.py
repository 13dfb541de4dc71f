"""Pure: a command line of systemctl."""

from __future__ import annotations

from dataclasses import dataclass, field

_WITH_VALUE = {
    "-p": "property",
    "--property": "property",
    "-P": "value-of",
    "-t": "type",
    "--type": "type",
    "--state": "state",
    "-s": "signal",
    "--signal": "signal",
    "-n": "lines",
    "--lines": "lines",
    "-o": "output",
    "--output": "output",
    "--kill-who": "kill-who",
    "--kill-whom": "kill-who",
    "--job-mode": "job-mode",
}
_FLAGS = {"-q": "quiet", "-a": "all", "-l": "full", "-f": "force"}


@dataclass
class Asked:
    """A command line of systemctl."""

    verb: str = ""
    names: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)

    def has(self, option: str) -> bool:
        """Tell whether a flag or option was given."""
        return option in self.options


def parse(argv: list[str]) -> Asked:
    """Read a command line of systemctl."""
    asked = Asked()
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _WITH_VALUE:
            given = value if equals else next(words, "")
            asked.options.setdefault(_WITH_VALUE[name], []).append(given)
        elif word == "--version":
            asked.verb = word
        elif word.startswith("--"):
            asked.options.setdefault(name[2:], []).append(value)
        elif word.startswith("-") and len(word) > 1:
            for letter in word[1:]:
                asked.options.setdefault(_FLAGS.get(f"-{letter}", letter), [])
        elif asked.verb:
            asked.names.append(word)
        else:
            asked.verb = word
    if asked.has("failed"):
        asked.options.setdefault("state", []).append("failed")
    asked.verb = asked.verb or "list-units"
    return asked

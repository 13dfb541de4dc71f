"""Find unit files, read them with their drop-ins, and enable them.

Of the places that systemd.unit(5) names, those that belong to the machine: what the
host keeps under /usr/lib is the host's business.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from .words import split

Sections = dict[str, dict[str, list[str]]]

KINDS = (".service", ".target", ".socket", ".timer", ".path", ".mount", ".slice")
MASK = Path("/dev/null")


@dataclass(frozen=True)
class UnitFile:
    """A unit as it stands on disk."""

    name: str
    path: Path | None
    """None when there is no such unit."""
    masked: bool = False
    drop_ins: tuple[Path, ...] = ()
    sections: Sections = field(default_factory=dict)

    def values(self, section: str, key: str) -> list[str]:
        """Return every value of a key, in order."""
        return self.sections.get(section, {}).get(key, [])

    def value(self, section: str, key: str, default: str = "") -> str:
        """Return the last value of a key."""
        values = self.values(section, key)
        return values[-1] if values else default

    def words(self, section: str, *keys: str) -> list[str]:
        """Return the words of all values of these keys."""
        return [
            word
            for key in keys
            for value in self.values(section, key)
            for word in split(value)
        ]


def full_name(name: str) -> str:
    """Return a unit's name with its kind."""
    name = name.rsplit("/", 1)[-1]
    return name if name.endswith(KINDS) else f"{name}.service"


def template_of(name: str) -> str:
    """Return ``foo@.service`` for ``foo@bar.service``, or the name itself."""
    prefix, at, rest = name.partition("@")
    return f"{prefix}@.{rest.rpartition('.')[2]}" if at else name


def instance_of(name: str) -> str:
    """Return ``bar`` for ``foo@bar.service``, or nothing."""
    return name.partition("@")[2].rpartition(".")[0]


def parse(text: str, into: Sections) -> None:
    """Add a file's settings to those read before; an empty value starts afresh."""
    section: dict[str, list[str]] = {}
    continued = ""
    for raw in text.splitlines():
        line = raw.strip()
        if not continued and (not line or line[0] in "#;"):
            continue
        if continued and line[:1] in ("#", ";"):
            continue
        line = continued + line
        if line.endswith("\\"):
            continued = line[:-1] + " "
            continue
        continued = ""
        if line.startswith("[") and line.endswith("]"):
            section = into.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        if not equals:
            continue
        if value.strip():
            section.setdefault(key.strip(), []).append(value.strip())
        else:
            section[key.strip()] = []


class UnitFiles:
    """The unit files of one machine.

    Args:
        root: Where the machine's file system begins.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.own = root / "etc/systemd/system"
        self.places = (
            self.own,
            root / "run/systemd/system",
            root / "usr/local/lib/systemd/system",
        )

    def read(self, name: str) -> UnitFile:
        """Read a unit; one that is nowhere has no path."""
        for spelled in (name, template_of(name)):
            for place in self.places:
                path = place / spelled
                if path.is_symlink() and path.readlink() == MASK:
                    return UnitFile(name=name, path=path, masked=True)
                if path.is_file():
                    return self._read(name, spelled, path)
        return UnitFile(name=name, path=None)

    def _read(self, name: str, spelled: str, path: Path) -> UnitFile:
        drop_ins = {
            found.name: found
            for place in reversed(self.places)
            for folder in dict.fromkeys((f"{spelled}.d", f"{name}.d"))
            for found in sorted((place / folder).glob("*.conf"))
        }
        sections: Sections = {}
        chosen = tuple(drop_ins[key] for key in sorted(drop_ins))
        for source in (path, *chosen):
            parse(source.read_text(encoding="utf-8", errors="replace"), sections)
        return UnitFile(name=name, path=path, drop_ins=chosen, sections=sections)

    def names(self) -> list[str]:
        """Return the names of all unit files."""
        return sorted(
            {
                path.name
                for place in self.places
                for path in place.glob("*")
                if path.name.endswith(KINDS) and (path.is_file() or path.is_symlink())
            }
        )

    def wanted(self) -> list[str]:
        """Return the units that a boot starts: those enabled in any target."""
        return sorted(
            {
                link.name
                for place in self.places
                for pattern in ("*.target.wants/*", "*.target.requires/*")
                for link in place.glob(pattern)
            }
        )

    def _links(self, unit: UnitFile) -> list[Path]:
        return [
            self.own / f"{target}.{suffix}" / unit.name
            for key, suffix in (("WantedBy", "wants"), ("RequiredBy", "requires"))
            for target in unit.words("Install", key)
        ] + [self.own / alias for alias in unit.words("Install", "Alias")]

    def enabled(self, unit: UnitFile) -> str:
        """Say what ``systemctl is-enabled`` says."""
        if unit.path is None:
            return "not-found"
        if unit.masked:
            return "masked"
        if any(
            link.name == unit.name
            for place in self.places
            for kind in ("wants", "requires")
            for link in place.glob(f"*.{kind}/{unit.name}")
        ):
            return "enabled"
        if unit.words("Install", "WantedBy", "RequiredBy", "Alias"):
            return "disabled"
        return "indirect" if unit.words("Install", "Also") else "static"

    def enable(self, unit: UnitFile) -> list[str]:
        """Make the links of ``[Install]``; return what was made."""
        made = []
        for link in self._links(unit) if unit.path else []:
            if link.is_symlink() and link.readlink() == unit.path:
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(unit.path or MASK)
            made.append(f"Created symlink {link} → {unit.path}.")
        for other in unit.words("Install", "Also"):
            also = self.read(full_name(other))
            if also.path and not also.masked and other != unit.name:
                made += self.enable(also)
        return made

    def disable(self, unit: UnitFile) -> list[str]:
        """Take every link to the unit away; return what was taken."""
        links = [
            *self.own.glob(f"*.wants/{unit.name}"),
            *self.own.glob(f"*.requires/{unit.name}"),
            *(
                path
                for path in self.own.glob("*")
                if path.is_symlink()
                and path.name != unit.name
                and path.readlink().name == unit.name
            ),
        ]
        for link in links:
            link.unlink()
            with contextlib.suppress(OSError):
                link.parent.rmdir()
        return [f"Removed {link}." for link in links]

    def mask(self, name: str) -> list[str]:
        """Point a unit at /dev/null.

        Raises:
            ValueError: The unit's own file stands in that place.
        """
        link = self.own / name
        if link.is_symlink() and link.readlink() == MASK:
            return []
        if link.exists():
            raise ValueError(f"Failed to mask unit: File {link} already exists.")
        self.own.mkdir(parents=True, exist_ok=True)
        link.symlink_to(MASK)
        return [f"Created symlink {link} → {MASK}."]

    def unmask(self, name: str) -> list[str]:
        """Take a mask away."""
        link = self.own / name
        if link.is_symlink() and link.readlink() == MASK:
            link.unlink()
            return [f"Removed {link}."]
        return []

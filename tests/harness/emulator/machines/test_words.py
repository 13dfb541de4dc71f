"""The words of unit files, and what is read from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.emulator.machines.guest.unit_files import UnitFile, UnitFiles, parse
from release.emulator.machines.guest.units import BadUnit, Command, unit_of
from release.emulator.machines.guest.words import (
    assignments,
    expand,
    seconds,
    specify,
    split,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("  a\tb  c ", ["a", "b", "c"], id="spaces"),
        pytest.param("'a b' \"c d\"e", ["a b", "c de"], id="quotes"),
        pytest.param("'' x", ["", "x"], id="empty-word"),
        pytest.param(r"a\sb \n \\ \"", ["a b", "\n", "\\", '"'], id="escapes"),
        pytest.param(r"'a\tb' '\.x'", ["a\tb", r"\.x"], id="in-single-quotes-too"),
    ],
)
def test_words_are_split_as_systemd_does(text: str, words: list[str]) -> None:
    assert split(text) == words


def test_a_quote_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(ValueError, match="a ' is not closed in: 'a"):
        split("'a")


@pytest.mark.parametrize(
    ("words", "expanded"),
    [
        pytest.param(["$A"], ["1", "2"], id="own-word-splits"),
        pytest.param(["${A}"], ["1 2"], id="braces-do-not"),
        pytest.param(["x${A}y"], ["x1 2y"], id="inside"),
        pytest.param(["x$A"], ["x$A"], id="not-inside-without-braces"),
        pytest.param(["$$A", "$$"], ["$A", "$"], id="dollar"),
        pytest.param(["$NONE", "${NONE}"], [""], id="unset"),
    ],
)
def test_variables_are_expanded_as_systemd_does(
    words: list[str], expanded: list[str]
) -> None:
    assert expand(words, {"A": "1 2"}) == expanded


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1min 30s", 90),
        ("250ms", 0.25),
        ("1h30min", 5400),
        ("infinity", float("inf")),
    ],
)
def test_time_spans(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["soon", "5 parsecs", "-1", ""])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        seconds(text)


def test_specifiers() -> None:
    assert specify("%n-%%-%i-%z", {"n": "a.service", "i": ""}) == "a.service-%--%z"


def test_environment_files() -> None:
    text = '# no\nA=1\n;B=2\nC = \'x y\' \nD="q\\"r"\nE=a b\nF=\nbad line\nG=1\\\n2\n'
    assert assignments(text) == (
        {"A": "1", "C": "x y", "D": 'q"r', "E": "a b", "F": "", "G": "12"}
    )


def _unit(text: str) -> UnitFile:
    sections: dict[str, dict[str, list[str]]] = {}
    parse(text, sections)
    return UnitFile(name="x.service", path=Path("/x.service"), sections=sections)


def test_a_unit_has_systemds_defaults() -> None:
    unit = unit_of(_unit("[Service]\nExecStart=-@/bin/a b %H"), hostname="vm")
    assert unit.commands["ExecStart"] == (
        Command(words=("/bin/a", "b", "vm"), may_fail=True, renamed=True),
    )
    assert (unit.type, unit.restart, unit.restart_s) == ("simple", "no", 0.1)
    assert (unit.start_timeout_s, unit.stop_timeout_s, unit.kill_signal) == (90, 90, 15)
    assert (unit.start_limit_burst, unit.start_limit_s) == (5, 10)


def test_directives_that_only_confine_are_named() -> None:
    unit = unit_of(
        _unit("[Service]\nExecStart=/a\nProtectSystem=full\nMemoryMax=1G"),
        hostname="vm",
    )
    assert unit.ignored == ("MemoryMax", "ProtectSystem")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("Type=simple", "Service has no ExecStart= setting"),
        ("ExecStart=/a\nExecStart=/b", "Service has more than one ExecStart= setting"),
        ("ExecStart=/a\nRestartSec=soon", "not a time span: soon"),
        ("ExecStart=/a\nKillSignal=SIGNONE", "no such signal: SIGNONE"),
        ("ExecStart='/a", "a ' is not closed in: '/a"),
    ],
)
def test_a_unit_that_cannot_be_used_says_why(body: str, why: str) -> None:
    with pytest.raises(BadUnit) as caught:
        unit_of(_unit(f"[Service]\n{body}"), hostname="vm")
    assert str(caught.value) == f"x.service: {why}"


def test_continued_lines_and_resets() -> None:
    file = _unit(
        "[Service]\nExecStart=/a \\\n# between\n  b\nEnvironment=A=1\nEnvironment=\n"
    )
    assert file.sections == ({"Service": {"ExecStart": ["/a  b"], "Environment": []}})


def test_a_boot_starts_what_any_target_wants(tmp_path: Path) -> None:
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "a.service").symlink_to("/etc/systemd/system/a.service")
    assert UnitFiles(tmp_path).wanted() == ["a.service"]

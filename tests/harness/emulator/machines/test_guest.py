"""The guest's own rules: it runs on the machine's Python, alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from release.emulator.machines import guest, guest_files, seccomp

INSTALL = """
import pathlib, sys
from release.emulator.machines import guest_files
guest_files.install(pathlib.Path(sys.argv[1]))
"""
SOURCES = sorted(Path(guest.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_guest_imports_the_standard_library_and_itself(path: Path) -> None:
    foreign = {
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
        if name.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == set()


def test_a_closed_umask_does_not_close_the_guest(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            INSTALL,
            tmp_path / "guest",
        ],
        check=True,
        umask=0o077,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    closed = [
        str(path)
        for path in (tmp_path / "guest").rglob("*")
        if not path.stat().st_mode & (0o005 if path.is_dir() else 0o004)
    ]
    assert closed == []


def test_the_guest_is_installed_once(tmp_path: Path) -> None:
    first = guest_files.install(tmp_path / "guest")
    stamp = first.stat().st_mtime_ns
    assert guest_files.install(tmp_path / "guest") == first
    assert first.stat().st_mtime_ns == stamp


def test_the_filter_is_whole_instructions() -> None:
    assert len(seccomp.program()) % 8 == 0

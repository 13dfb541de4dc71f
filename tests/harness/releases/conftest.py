"""Tiny projects of their own, released for real: child pytest, embedded Azure."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from release import environments
from release.report import document
from tests.harness.releases.project import ROOT, TINY, Project
from tests.harness.releases.visitor import Visitor

collect_ignore = ["tiny"]


@pytest.fixture
def visiting() -> type[Visitor]:
    """Begin to visit a page: ``with visiting(url) as visitor``."""
    return Visitor


@pytest.fixture
def fresh_project(tmp_path: Path) -> Iterator[Project]:
    """A project that was never released, its embedded Azure up."""
    root = tmp_path / "tiny"
    shutil.copytree(TINY, root, ignore=shutil.ignore_patterns(".release"))
    made = Project(root=root)
    made.set()
    environments.up(root)
    try:
        yield made
    finally:
        environments.down(root, forget=True)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One project with one passed release of it.

    Every test leaves a passed release running: a broken one sees the old build come
    back; and its recipe is put back, see `recipe_put_back`. So each finds what it
    needs, whatever ran before. A module that leaves more has a project of its own.
    """
    root = tmp_path_factory.mktemp("project") / "tiny"
    with _released(root, "--set", "canary.users=8", count=2) as made:
        yield made


@pytest.fixture(scope="module")
def own_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One project with one passed release, which no other module sees."""
    with _released(tmp_path_factory.mktemp("own") / "tiny", count=2) as made:
        yield made


@pytest.fixture(autouse=True)
def recipe_put_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no test release what another one broke."""
    shared = "project" in request.fixturenames
    project = request.getfixturevalue("project") if shared else None
    yield
    if project:
        project.restore()


@pytest.fixture(scope="module", params=[1, 2, 3, 5])
def sized(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project of its own, with so many instances."""
    root = tmp_path_factory.mktemp(f"sized-{request.param}") / "tiny"
    with _released(root, count=request.param) as made:
        yield made


def fits_schema(records: Iterable[Mapping[str, Any]]) -> None:
    """See that records are as docs/release.schema.json says, and nothing more."""
    published = json.loads((ROOT / "docs" / "release.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(published)
    for record in records:
        assert document.problems(record) == []
        assert [error.message for error in validator.iter_errors(record)] == []


@contextlib.contextmanager
def _released(root: Path, *options: str, count: int) -> Iterator[Project]:
    shutil.copytree(TINY, root, ignore=shutil.ignore_patterns(".release"))
    settings = root / "release.toml"
    text = settings.read_text()
    settings.write_text(text.replace("instance_count = 2", f"instance_count = {count}"))
    made = Project(root=root)
    made.set()
    try:
        ended = made.release(*options)
        assert ended.status == 0, ended.output
        yield made
        # Whatever became of them: every release that a test made.
        fits_schema(made.records())
    finally:
        environments.down(root, forget=True)

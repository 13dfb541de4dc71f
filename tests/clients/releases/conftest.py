"""The tiny project, baked by the real Packer on the embedded Azure."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from release import environments
from tests.harness.releases.project import TINY, Project

TEMPLATES = Path(__file__).parent / "templates"
WITH_PACKER = """\
[image]
builder = "packer"

[image.packer]
template = "image/gallery.pkr.hcl"
base = "Debian:debian-12:12-gen2"
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One project with one passed release of it; every test leaves one that passed."""
    assert shutil.which("packer"), "these tests need Packer: apt-get install packer"
    root = tmp_path_factory.mktemp("packer") / "tiny"
    shutil.copytree(TINY, root)
    shutil.copytree(TEMPLATES, root / "image", dirs_exist_ok=True)
    settings = root / "release.toml"
    text = settings.read_text().replace('[image]\nrecipe = "image"\n', WITH_PACKER)
    settings.write_text(text)
    made = Project(root=root)
    made.set()
    try:
        ended = made.release()
        assert ended.status == 0, ended.output
        yield made
    finally:
        environments.down(root, forget=True)

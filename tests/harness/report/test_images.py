import base64
import io
import os

import pytest
from PIL import Image

from release.report import archive
from release.report.archive import screenshots, sources


def png(width, height):
    """A picture that no format can press together."""
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), os.urandom(3 * width * height)).save(
        out, "PNG"
    )
    return out.getvalue()


def ended(outcome, **evidence):
    return {"outcome": outcome, "evidence": evidence}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.webp").write_bytes(b"webp")
    (tmp_path / "light.png").write_bytes(png(20, 20))
    (tmp_path / "heavy.png").write_bytes(png(300, 300))
    (tmp_path / "page.html").write_text("<h1>Page</h1>")
    return tmp_path


def test_what_browsers_showed_is_in_the_report_itself(folder):
    record = {
        "tests": [
            ended("passed", picture="small.webp"),
            ended("failed", screenshot="light.png", page="page.html"),
            ended("failed", screenshot="gone.png"),
        ]
    }
    found = screenshots(folder, record)
    assert found["small.webp"] == "data:image/webp;base64,d2VicA=="
    assert found["light.png"].startswith("data:image/png;base64,")
    assert set(found) == {"small.webp", "light.png"}
    assert sources(folder, record) == {"page.html": "<h1>Page</h1>"}


def test_a_heavy_screenshot_is_shown_lighter_and_kept_as_it_is(folder):
    found = screenshots(folder, {"tests": [ended("failed", screenshot="heavy.png")]})
    kind, _, coded = found["heavy.png"].partition(",")
    shown, kept = base64.b64decode(coded), (folder / "heavy.png").read_bytes()
    assert kind == "data:image/webp;base64"
    assert len(shown) < len(kept) / 2
    with Image.open(io.BytesIO(shown)) as image:
        assert image.size == (300, 300)


def test_a_report_holds_no_more_than_it_should(folder, monkeypatch):
    monkeypatch.setattr(archive, "IMAGES", (("screenshot", "png", 100),))
    failed = {"tests": [ended("failed", screenshot="light.png")]}
    assert screenshots(folder, failed) == {}


def test_what_a_try_saw_that_failed_is_not_what_the_test_came_to(folder):
    flaky = {"tests": [ended("passed", screenshot="light.png", page="page.html")]}
    assert screenshots(folder, flaky) == {}
    assert sources(folder, flaky) == {}

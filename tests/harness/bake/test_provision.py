import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from release.bake import provision


def _step(kind: str, source: str, **more: str) -> dict[str, str]:
    return {"kind": kind, "source": source, "destination": "", "mode": "", **more}


def test_a_shell_step_stops_at_the_first_failing_command(tmp_path: Path) -> None:
    (tmp_path / "go.sh").write_text("touch before\nsh -c 'exit 3'\ntouch after\n")
    with pytest.raises(provision.StepFailed, match="exit code 3"):
        provision.perform(_step("shell", "go.sh"), tmp_path, {"PATH": "/usr/bin:/bin"})
    assert (tmp_path / "before").exists()
    assert not (tmp_path / "after").exists()


def test_a_shell_step_knows_the_build(tmp_path: Path) -> None:
    (tmp_path / "go.sh").write_text('echo "$RELEASE_BUILD" > told\n')
    environment = {"PATH": "/usr/bin:/bin", "RELEASE_BUILD": "2026.1.2"}
    provision.perform(_step("shell", "go.sh"), tmp_path, environment)
    assert (tmp_path / "told").read_text() == "2026.1.2\n"


def test_a_playbook_without_ansible_is_told(tmp_path: Path) -> None:
    with pytest.raises(provision.StepFailed, match="ansible-playbook is not on"):
        provision.perform(_step("ansible", "p.yml"), tmp_path, {"PATH": str(tmp_path)})


def test_a_file_step_copies_a_folder_s_content_with_its_mode(tmp_path: Path) -> None:
    (tmp_path / "dist" / "sub").mkdir(parents=True)
    (tmp_path / "dist" / "sub" / "a").write_text("a")
    target = tmp_path / "target"
    step = _step("file", "dist", destination=str(target), mode="0600")
    provision.perform(step, tmp_path, {})
    assert (target / "sub" / "a").stat().st_mode & 0o777 == 0o600


def test_a_file_step_copies_into_a_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "unit").write_text("u")
    (tmp_path / "etc").mkdir()
    step = _step("file", "unit", destination=str(tmp_path / "etc"))
    provision.perform(step, tmp_path, {})
    assert (tmp_path / "etc" / "unit").read_text() == "u"


def test_the_identity_is_written_for_a_unit_to_read(tmp_path: Path) -> None:
    target = tmp_path / "release.env"
    provision.write_identity(target, {"RELEASE_BUILD": "1.2.3", "RELEASE_DIGEST": "d"})
    assert target.read_text() == (
        "RELEASE_BUILD=1.2.3\nRELEASE_COMMIT=\nRELEASE_DIGEST=d\n"
    )


def test_steps_see_neither_address_nor_digest_of_the_payload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEASE_PAYLOAD_URL", "https://secret")
    monkeypatch.setenv("RELEASE_BUILD", "1.2.3")
    found = provision.surroundings(tmp_path)
    assert "RELEASE_PAYLOAD_URL" not in found
    assert found["RELEASE_BUILD"] == "1.2.3"
    assert found["RELEASE_PAYLOAD"] == str(tmp_path)


@pytest.mark.parametrize("name", ["../out", "/etc/out"])
def test_a_payload_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "p.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo(name), BytesIO())
    with pytest.raises(provision.StepFailed, match="which is refused"):
        provision.unpack(archive, tmp_path / "into")


def test_unpacking_returns_the_steps(tmp_path: Path) -> None:
    archive = tmp_path / "p.tar.gz"
    content = json.dumps([_step("shell", "a.sh")]).encode()
    entry = tarfile.TarInfo("steps.json")
    entry.size = len(content)
    with tarfile.open(archive, "w:gz") as packed:
        packed.addfile(entry, BytesIO(content))
    assert provision.unpack(archive, tmp_path) == [_step("shell", "a.sh")]


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/payload":
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"payload")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_payload_is_fetched_and_its_digest_checked(
    origin: str, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(b"payload").hexdigest()
    provision.fetch(f"{origin}/payload", sha256, tmp_path / "p")
    assert (tmp_path / "p").read_bytes() == b"payload"


def test_another_payload_than_the_one_sent_is_refused(
    origin: str, tmp_path: Path
) -> None:
    with pytest.raises(provision.StepFailed, match="is not what was sent"):
        provision.fetch(f"{origin}/payload", "0" * 64, tmp_path / "p")


def test_a_refused_payload_does_not_tell_its_address(
    origin: str, tmp_path: Path
) -> None:
    with pytest.raises(provision.StepFailed) as caught:
        provision.fetch(f"{origin}/other?sig=secret", "0" * 64, tmp_path / "p")
    assert str(caught.value) == "the payload was refused: HTTP 403"

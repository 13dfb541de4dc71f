import tarfile
from pathlib import Path

from release.bake import payload
from release.bake.recipe import read


def _recipe(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(
        'name = "web"\n[base]\npublisher = "p"\noffer = "o"\nsku = "s"\n'
        '[[provision]]\nkind = "shell"\nsource = "install.sh"\n'
    )
    (folder / "install.sh").write_text("true\n")
    (folder / "install.sh").chmod(0o755)
    return folder


def test_the_same_recipe_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    first = payload.write(read(_recipe(tmp_path / "a" / "image")), tmp_path / "one")
    second = payload.write(read(_recipe(tmp_path / "b" / "image")), tmp_path / "two")
    assert first[1] == second[1]
    assert first[0].read_bytes() == second[0].read_bytes()


def test_the_archive_is_named_after_its_content(tmp_path: Path) -> None:
    archive, sha256 = payload.write(read(_recipe(tmp_path / "image")), tmp_path / "out")
    assert archive == tmp_path / "out" / f"{sha256}.tar.gz"


def test_the_archive_holds_steps_and_files_of_nobody(tmp_path: Path) -> None:
    archive, _ = payload.write(read(_recipe(tmp_path / "image")), tmp_path / "out")
    with tarfile.open(archive) as packed:
        found = [(it.name, it.mode, it.mtime, it.uid) for it in packed.getmembers()]
    assert found == [
        ("steps.json", 0o644, 0, 0),
        ("image/install.sh", 0o755, 0, 0),
        ("image/recipe.toml", 0o644, 0, 0),
    ]

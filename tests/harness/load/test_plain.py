"""The sample's locustfile is a plain one: Locust and Azure Load Testing run it."""

import ast
import csv
import subprocess
import sys
from pathlib import Path

LOCUSTFILE = Path(__file__).parents[2] / "load" / "locustfile.py"


def test_the_locustfile_needs_nothing_but_locust() -> None:
    tree = ast.parse(LOCUSTFILE.read_text(encoding="utf-8"))
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert names - sys.stdlib_module_names == {"locust"}


def test_locust_alone_sends_every_endpoint(site: str, tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless"),
            *(
                "--host",
                site,
                "--users",
                "16",
                "--spawn-rate",
                "16",
                "--run-time",
                "4s",
            ),
            *("--csv", "figures", "--exit-code-on-error", "0"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )

    with (tmp_path / "figures_stats.csv").open(encoding="utf-8") as file:
        names = {row["Name"] for row in csv.DictReader(file)}
    assert names == {"GET /", "GET /ask", "GET /api/metrics", "POST /login"} | {
        "Aggregated"
    }

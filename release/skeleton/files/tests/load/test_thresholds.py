"""One test for each endpoint and threshold of release.toml."""

from release.load import Gate


def test_threshold(gate: Gate) -> None:
    """What was measured keeps within the limit, on enough samples."""
    assert gate.outcome == "passed", gate.text

"""One test for each endpoint with limits and each percentile that is compared."""

from release.load import Comparison


def test_not_slower(comparison: Comparison) -> None:
    """This build answers as earlier ones did, as far as anybody can tell."""
    assert comparison.outcome == "passed", comparison.text

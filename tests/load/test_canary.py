"""The first upgraded instance, against an old one beside it."""

from release.load import Canary


def test_as_good_as_the_old_build(canary: Canary) -> None:
    """Nobody is worse off with the new build, as far as the canary can tell."""
    assert canary.outcome == "passed", canary.text

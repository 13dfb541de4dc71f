"""Send load with Locust, and judge what was measured."""

from release.load.live import Live
from release.load.profile import Profile, profile
from release.load.run import run
from release.load.samples import Measurements, read
from release.load.thresholds import Gate, Outcome, judge, judge_one, names

__all__ = [
    "Gate",
    "Live",
    "Measurements",
    "Outcome",
    "Profile",
    "judge",
    "judge_one",
    "names",
    "profile",
    "read",
    "run",
]

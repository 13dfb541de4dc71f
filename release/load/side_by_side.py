"""Send each request to a new and to an old instance, until they can be told apart.

Locust runs as a child, as for a load; looks at what came so far decide when it is
enough.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from release.load import failures
from release.load.canary import Pair, judge, looks
from release.load.child import locust
from release.load.gate import Canary, Outcome
from release.load.profile import INSIDE, Profile, command
from release.settings.model import Canary as Rules
from release.wait import Seen, wait_until

LOG = "locust.log"
STOP = "stop"
LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """Where one instance answers, and what it is called."""

    name: str
    url: str


def compare(
    profile: Profile,
    rules: Rules,
    *,
    new: Instance,
    old: Instance,
    folder: Path,
    progress: Callable[[str], None] = lambda _: None,
) -> Canary:
    """Return whether a new instance answers worse than an old one.

    Args:
        profile: The load's; its locustfile says what is asked.
        rules: How long at the least and at the most, and which change matters.
        new: The instance of the new build.
        old: One of the old build.
        folder: For pairs and log.
        progress: Told what is seen at each look.

    Raises:
        LoadFailed: Locust could not run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = replace(
        profile,
        users=rules.users,
        spawn_rate=float(rules.users),
        warmup_s=rules.warmup_s,
        time_s=rules.most_s,
        rate=None,
        processes=1,
    )
    files = [str(plan.locustfile), str(INSIDE / "pairs.py")]
    arguments = command(plan, host=new.url, python=sys.executable, folder=folder)
    arguments[arguments.index("-f") + 1] = ",".join(files)
    own = {
        "RECORDER_FOLDER": str(folder.resolve()),
        "RECORDER_LEAD_S": str(plan.lead_s),
        "RECORDER_TIME_S": str(plan.time_s),
        "PAIRS_NEW": new.url,
        "PAIRS_OLD": old.url,
    }
    log_path = folder / LOG
    with locust(arguments, own, log_path) as child:
        code, decided = _watched(child, folder, plan, rules, progress)
    if code != 0:
        log = log_path.read_text(encoding="utf-8", errors="replace")
        raise failures.ended_badly(code, log, plan, log_path=log_path)
    last = len(looks(rules)) - 1
    found = decided or judge(read(folder), rules, look=last)
    return replace(found, new=new.name, old=old.name)


def _watched(
    child: subprocess.Popen[bytes],
    folder: Path,
    plan: Profile,
    rules: Rules,
    progress: Callable[[str], None],
) -> tuple[int, Canary | None]:
    """Wait for Locust, and stop it once the answer is clear.

    Returns:
        Its exit code, and the answer; None when it did not get clear.
    """
    to_come = list(enumerate(looks(rules)[:-1]))
    decided: Canary | None = None

    def look() -> Seen[int]:
        nonlocal decided
        try:
            return Seen(what="ended", value=child.wait(LOOK_S))
        except subprocess.TimeoutExpired:
            pairs = read(folder)
        measured_s = max((pair.at for pair in pairs), default=0.0)
        due = [number for number, at_s in to_come if at_s <= measured_s]
        if due and not decided:
            del to_come[: len(due)]
            found = judge(pairs, rules, look=due[-1])
            progress(f"after {measured_s:.0f} s and {len(pairs)} pairs: {found.text}")
            if found.outcome is not Outcome.INCONCLUSIVE:
                decided = found
                (folder / STOP).touch()
        return Seen(what=f"{len(pairs)} pairs in {measured_s:.0f} s")

    code = wait_until(
        "answer of the canary",
        look,
        timeout_s=plan.longest_s,
        interval_s=0,
        fix=f"see {failures.kept(folder / LOG)}",
    )
    return code, decided


def read(folder: Path) -> list[Pair]:
    """Return the pairs that were written so far."""
    found = []
    for path in folder.glob("pairs-*.jsonl"):
        whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
        found += [Pair(**json.loads(line)) for line in whole.splitlines()]
    return sorted(found, key=lambda pair: pair.at)

import os

from release.coordination.progress import Live
from release.journal import Journal, Kind


def test_events_show_as_plain_lines_when_there_is_no_terminal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    reading, writing = os.pipe()
    live = Live(journal, writing, verbose=False)
    live.start()
    journal.write(Kind.STAGE_STARTED, stage="bake")
    journal.write(Kind.PROGRESS, stage="bake", text="payload of 3.1 MB sent")
    journal.write(Kind.OUTPUT, stage="bake", line="only shown with -v")
    journal.write(
        Kind.STAGE_FINISHED,
        stage="bake",
        outcome="failed",
        duration_s=2.34,
        error="step 2 ended with 1\n  fix: read the log",
    )
    live.stop()
    live.stop()
    os.close(writing)
    with os.fdopen(reading) as stream:
        lines = [line.partition(" s  ")[2].rstrip() for line in stream]
    assert lines == [
        "bake      ...",
        "bake      payload of 3.1 MB sent",
        "bake      failed after 2.3 s",
        "bake        step 2 ended with 1",
        "bake          fix: read the log",
    ]

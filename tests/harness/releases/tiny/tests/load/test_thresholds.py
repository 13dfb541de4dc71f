def test_threshold(gate):
    assert gate.outcome == "passed", gate.text

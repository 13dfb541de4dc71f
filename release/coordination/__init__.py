"""Controller, workers, exactly once, order, live progress."""

"""A real browser for smoke tests, and the evidence it leaves."""

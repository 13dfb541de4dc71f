"""Settings from four ranked sources; each value knows its source."""

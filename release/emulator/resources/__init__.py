"""Resource providers, one file each."""

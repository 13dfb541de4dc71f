"""The history: all builds of all environments, and what they say together."""

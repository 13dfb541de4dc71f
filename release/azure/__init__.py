"""Azure through its own SDKs: clients, long-running operations, errors."""

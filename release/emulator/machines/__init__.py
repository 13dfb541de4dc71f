"""Machines: bubblewrap sandboxes that boot an image."""

"""What is there no more need for: what crashed releases left, and what grew old.

Finding is pure: what Azure listed in, rows out. Each row says what it is, whose, and
why it goes; nothing that this project did not make ever becomes one.
"""

from release.cleaning.inventory import Inventory, look
from release.cleaning.leftovers import Whose, half_images, killed, left_over
from release.cleaning.removal import remove
from release.cleaning.retention import outdated
from release.cleaning.row import Kind, Row

__all__ = [
    "Inventory",
    "Kind",
    "Row",
    "Whose",
    "half_images",
    "killed",
    "left_over",
    "look",
    "outdated",
    "remove",
]

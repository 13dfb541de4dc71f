"""Deploy an image to the scale set, prove it, undo it."""

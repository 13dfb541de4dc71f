"""Functions of the template language that depend on their arguments alone."""

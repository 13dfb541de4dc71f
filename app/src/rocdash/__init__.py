"""rocdash: customer analytics on one page, with answers in plain language."""

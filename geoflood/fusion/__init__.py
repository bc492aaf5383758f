"""From candidates to an Estimate, and how far to trust it."""

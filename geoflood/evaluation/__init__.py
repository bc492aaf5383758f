"""Photos with a truth in, figures out."""

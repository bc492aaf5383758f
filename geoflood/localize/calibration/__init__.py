"""How sure an answer may be: an index rehearses with its own images, or learns from labelled photos."""

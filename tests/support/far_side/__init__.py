"""The other end of the wires: servers with a spine, which refuse what the real ones refuse."""

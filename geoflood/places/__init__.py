"""Names of places, and the ground that they stand for."""

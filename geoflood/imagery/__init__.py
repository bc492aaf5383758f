"""What the reference images are and where they were taken."""

"""A folder of posts in, a map to decide on out."""

"""A folder of posts, whatever exported it: recognised by content, read within bounds, one post at a time."""

"""A folder of posts in, a triaged map out: taking in, looking, locating, the journal, what is made of it."""

"""The reference database of a city, on disk."""

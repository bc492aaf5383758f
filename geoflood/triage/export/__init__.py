"""What findings are handed over as, one format a file; and the page on which people decide."""

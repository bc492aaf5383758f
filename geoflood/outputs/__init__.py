"""What `locate` hands over and every page shares: the map, the tables, one format a file."""

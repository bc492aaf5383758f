"""What a responder is handed: the map and the files for other programs, one format a file."""

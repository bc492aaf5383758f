"""`geoflood evaluate`: queries with a truth, located in several ways, and scored."""

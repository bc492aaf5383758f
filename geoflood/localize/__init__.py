"""One photo in, where it was taken out: descriptors, search, fusion, re-ranking, calibration."""

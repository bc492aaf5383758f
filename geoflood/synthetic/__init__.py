"""What is drawn instead of photographed: floods over real photos, and a small town."""

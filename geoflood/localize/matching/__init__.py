"""Which details of two photos agree, and on what geometry."""

"""The command line: all that knows typer or rich, one file a group of commands."""

"""What several test modules share: fakes, servers, makers of input, a browser. No tests."""

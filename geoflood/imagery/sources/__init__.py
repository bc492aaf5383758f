"""Street images from the network: a file a provider, all behind one protocol."""

"""The golden vectors, a file a kind: what `write_vectors` writes."""

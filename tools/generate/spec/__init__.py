"""What the specification has of generated text, a file a chapter."""

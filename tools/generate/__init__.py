"""What writes generated files: specification tables, vectors, the blocking twin."""

"""Pictures of what happened over time, as PNG. matplotlib, which the extra `plot` brings, is imported here alone."""

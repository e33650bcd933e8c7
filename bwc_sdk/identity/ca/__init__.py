"""A small CA for one agency, in a directory: what it keeps, what it issues, whom it denies (docs/agency.md)."""

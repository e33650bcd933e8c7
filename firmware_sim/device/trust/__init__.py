"""Whom a device belongs to: its identities, whom it takes for a host, and the signed documents that it took."""

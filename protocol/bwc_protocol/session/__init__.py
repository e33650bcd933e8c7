"""What protects a channel's bytes: the interface, the preamble before it, and the sessions."""

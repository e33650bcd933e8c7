"""Ends of the protocol that share no code with this one, to hold it to the standards that it names."""

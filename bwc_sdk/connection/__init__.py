"""One connection to one device: the link over a transport, and the conversation on it."""

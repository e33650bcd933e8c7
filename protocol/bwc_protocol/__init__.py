"""The protocol, sans-IO: bytes and the time go in; bytes, events and the next deadline come out."""

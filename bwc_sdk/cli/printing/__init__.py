"""How results and events are shown: JSON documents, tables for people on a terminal, plain lines in a pipe."""

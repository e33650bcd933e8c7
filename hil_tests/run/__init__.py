"""One run of pytest over the devices of a bench: which tests, in what order, on which, and what became of each."""

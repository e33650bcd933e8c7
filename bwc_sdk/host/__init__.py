"""What the SDK needs of the machine that it runs on: time, randomness, files, workers, packages."""

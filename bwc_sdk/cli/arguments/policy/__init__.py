"""What the verbs of `bwc policy` take in common."""

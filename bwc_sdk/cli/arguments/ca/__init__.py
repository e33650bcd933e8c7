"""What the verbs of the agency share: its directory, its passphrases, dates and certificates."""

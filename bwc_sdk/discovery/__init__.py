"""What is plugged in or in radio reach, by slot."""

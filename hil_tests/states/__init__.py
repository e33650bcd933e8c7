"""What a test says that it needs: a state of the device, parts of the bench, leave for what cannot be undone."""

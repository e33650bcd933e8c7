"""What people do to the devices: by lines of text, by hand, by a script."""

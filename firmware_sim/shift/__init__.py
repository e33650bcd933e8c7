"""A shift that simulated officers work, by a script: what they press and forget, in no time (`bwc sim --shift`)."""

"""The simulated docking station and its bays."""

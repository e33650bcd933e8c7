"""Camera and docking station as typed clients, and `connect`, which gives them."""

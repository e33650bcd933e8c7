"""What every simulated device is made of, camera and docking station alike."""

"""The ways to a simulated device: in memory, TCP, pty and tty, USB over USB/IP, BLE on a virtual controller."""

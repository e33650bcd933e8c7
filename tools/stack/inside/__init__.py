"""What runs in the virtual machine: it brings up udev, D-Bus and Bluetooth, and tests through them."""

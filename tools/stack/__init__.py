"""The real stacks: Debian's own kernel in a virtual machine, with a simulated camera on its USB and Bluetooth."""

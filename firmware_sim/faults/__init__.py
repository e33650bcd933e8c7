"""What goes wrong on a link and in a device, as plans that can be replayed."""

"""What a wire log holds, said again: to a device, which is to answer as recorded, or by a device that answers so."""

"""What tests hold in their hands: cables that break, hosts that lie, what a device must be able to do."""

"""What a device keeps on its flash, part by part, and how several parts change as one."""

"""What anybody can do with stored footage, without a device: verify it, open it, prove it (docs/verifying.md)."""

"""What a certificate of this protocol says, who may have one, and how it is made (spec: Certificates)."""

"""Documents that the agency signs and anybody carries (spec: Signed documents)."""

"""Who this host is: keys and certificates of its roles, and the small agency CA that issues them (spec: Trust)."""

"""The lab: an agency for devices and hosts that are no evidence, which nobody else takes (spec: Lab agency)."""

"""Firmware in Python: body-worn cameras and docking stations to develop and certify against."""

"""The verdict on a device, rule by rule: collected from a run of the suite, written as JSON and as a page, signed.

(docs/conformance.md)
"""

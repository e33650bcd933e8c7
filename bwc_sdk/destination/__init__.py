"""The directory where footage is kept, as who writes it sees it: names, custody chain, receipts, what goes out of it.

Nothing here speaks to a camera: `bwc_sdk.offload` copies into it, and `bwc_sdk.evidence` reads it and trusts nothing.
"""

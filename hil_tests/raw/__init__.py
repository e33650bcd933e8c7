"""A host that can say anything: frames, bytes and times, on several pipes at once, beneath or above the session.

Everything else in this suite speaks through the SDK's own sound link, which never breaks a rule; what a device does
with a host that does is seen only from here. The codec is that of `bwc_protocol`; nothing is automatic but what is said
so.
"""

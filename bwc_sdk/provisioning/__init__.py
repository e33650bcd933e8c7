"""Provisioning: cameras out of the box become the cameras of people, configured, set to time, assigned and tested.

`provision` does it for every camera that is there, all at once; what it needs to know stands in a profile (a
configuration file) and a roster (a table of people). What is safe to repeat is repeated: after anything at all the same
call goes on.
"""

from bwc_sdk.provisioning.roster import Member, Roster, read_roster

__all__ = ["Member", "Roster", "read_roster"]

"""Provisioning: cameras out of the box become the cameras of people, configured, set to time, assigned and tested.

`provision` does it for every camera that is there, all at once; what it needs to know stands in a profile (a
configuration file) and a roster (a table of people). What is safe to repeat is repeated: after anything at all the same
call goes on. `bwc_sdk.sync` has the same for programs without asyncio.
"""

from bwc_sdk.provisioning.from_afar import NotSigned, Signed, sign_desired_states
from bwc_sdk.provisioning.one_camera import Done, Found, Step, TimeWord
from bwc_sdk.provisioning.place import Place, place_at, places_of
from bwc_sdk.provisioning.profile import Profile, read_profile
from bwc_sdk.provisioning.provision import (
    Looked,
    NotHere,
    NotProvisioned,
    Provisioned,
    ProvisioningEvent,
    StepBegun,
    provision,
    take_back,
)
from bwc_sdk.provisioning.records import Record, Records, verify_record
from bwc_sdk.provisioning.roster import Member, Roster, read_roster

__all__ = [
    "Done",
    "Found",
    "Looked",
    "Member",
    "NotHere",
    "NotProvisioned",
    "NotSigned",
    "Place",
    "Profile",
    "Provisioned",
    "ProvisioningEvent",
    "Record",
    "Records",
    "Roster",
    "Signed",
    "Step",
    "StepBegun",
    "TimeWord",
    "place_at",
    "places_of",
    "provision",
    "read_profile",
    "read_roster",
    "sign_desired_states",
    "take_back",
    "verify_record",
]

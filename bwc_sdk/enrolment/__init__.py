"""Devices become an agency's, and stay it: enrolment at the button, renewal without one (spec: Enrolment, Renewal).

    authority = CaAuthority(Ca(Path("ca"), …))
    async for event in enroll("serial:/dev/ttyACM0", authority, vendor=Vendor.of_files(Path("vendor.pem"))):
        print(event)

`enroll` takes one camera, or a docking station with its bays, and tells whose button is to be pressed next; any number
of them may run at once. `renew` takes a device that is connected already, at any docking. Both do with a CA that is
elsewhere: `FileAuthority` writes requests, and takes the certificates when they have come.
"""

from bwc_sdk.enrolment.authority import AgencyParts as AgencyParts
from bwc_sdk.enrolment.authority import Authority as Authority
from bwc_sdk.enrolment.authority import CaAuthority as CaAuthority
from bwc_sdk.enrolment.authority import CertifiedKey as CertifiedKey
from bwc_sdk.enrolment.authority import LabAuthority as LabAuthority
from bwc_sdk.enrolment.authority import RequestWaits as RequestWaits
from bwc_sdk.enrolment.enrolling import enroll as enroll
from bwc_sdk.enrolment.events import AlreadyEnrolled as AlreadyEnrolled
from bwc_sdk.enrolment.events import ButtonWanted as ButtonWanted
from bwc_sdk.enrolment.events import Enrolled as Enrolled
from bwc_sdk.enrolment.events import EnrolmentEvent as EnrolmentEvent
from bwc_sdk.enrolment.events import EnrolmentFailed as EnrolmentFailed
from bwc_sdk.enrolment.events import RequestWritten as RequestWritten
from bwc_sdk.enrolment.file_authority import FileAuthority as FileAuthority
from bwc_sdk.enrolment.renewing import NotDue as NotDue
from bwc_sdk.enrolment.renewing import RenewalOutcome as RenewalOutcome
from bwc_sdk.enrolment.renewing import Renewed as Renewed
from bwc_sdk.enrolment.renewing import renew as renew
from bwc_sdk.enrolment.vendor import Vendor as Vendor

__all__ = [
    "AgencyParts",
    "AlreadyEnrolled",
    "Authority",
    "ButtonWanted",
    "CaAuthority",
    "CertifiedKey",
    "Enrolled",
    "EnrolmentEvent",
    "EnrolmentFailed",
    "FileAuthority",
    "LabAuthority",
    "NotDue",
    "RenewalOutcome",
    "Renewed",
    "RequestWaits",
    "RequestWritten",
    "Vendor",
    "enroll",
    "renew",
]

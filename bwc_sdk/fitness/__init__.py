"""Whether a camera is fit for the shift: what it says of itself, held against what a shift asks, with reasons.

`check` does it with a connected camera, `check_many` and `check_station` with many at once. `ask` puts the questions,
`judge` gives the verdict, and needs no device.
"""

from bwc_sdk.fitness.asking import ask as ask
from bwc_sdk.fitness.facts import Facts as Facts
from bwc_sdk.fitness.judging import judge as judge
from bwc_sdk.fitness.limits import Limits as Limits
from bwc_sdk.fitness.limits import Officer as Officer
from bwc_sdk.fitness.many import Checked as Checked
from bwc_sdk.fitness.many import check as check
from bwc_sdk.fitness.many import check_many as check_many
from bwc_sdk.fitness.many import check_station as check_station
from bwc_sdk.fitness.verdict import Check as Check
from bwc_sdk.fitness.verdict import Finding as Finding
from bwc_sdk.fitness.verdict import Standing as Standing
from bwc_sdk.fitness.verdict import Verdict as Verdict

__all__ = [
    "Check",
    "Checked",
    "Facts",
    "Finding",
    "Limits",
    "Officer",
    "Standing",
    "Verdict",
    "ask",
    "check",
    "check_many",
    "check_station",
    "judge",
]

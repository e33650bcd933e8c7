"""Policies as data: packs, what is stricter than what, and what follows for cameras (docs/policy.md). Needs no device.

    library = Library(directories=[Path("packs")])
    ours = effective(read_pack(Path("north.toml")), day, library)
    theirs = effective(shipped_pack("us-dhs-2023"), day, library)
    found = difference(ours, theirs)
    for row in found.rows:
        print(row.answer, row.sentence)

`effective` is what is in force on a day, after inheritance; everything else begins with it: `difference`, `lint`,
`compile_policy`, `check_all`. Reading packs needs the extra `policy`. All functions block; those that read files raise
`HostFileError` and `PolicyError`.
"""

from bwc_sdk.policy.check import Checked as Checked
from bwc_sdk.policy.comparison import Difference as Difference
from bwc_sdk.policy.comparison import difference as difference
from bwc_sdk.policy.compiling import Compiled as Compiled
from bwc_sdk.policy.compiling import compile_policy as compile_policy
from bwc_sdk.policy.inheritance import Effective as Effective
from bwc_sdk.policy.inheritance import effective as effective
from bwc_sdk.policy.linter import lint as lint
from bwc_sdk.policy.order import Answer as Answer
from bwc_sdk.policy.pack import Pack as Pack
from bwc_sdk.policy.policy_fault import PolicyFault as PolicyFault
from bwc_sdk.policy.reading import Library as Library
from bwc_sdk.policy.reading import read_pack as read_pack
from bwc_sdk.policy.reading import shipped_pack as shipped_pack
from bwc_sdk.policy.whole_check import check_all as check_all

__all__ = [
    "Answer",
    "Checked",
    "Compiled",
    "Difference",
    "Effective",
    "Library",
    "Pack",
    "PolicyFault",
    "check_all",
    "compile_policy",
    "difference",
    "effective",
    "lint",
    "read_pack",
    "shipped_pack",
]

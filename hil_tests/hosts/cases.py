"""All cases, in the order in which they are played."""

from __future__ import annotations

from typing import Final

from hil_tests.hosts import cases_evidence, cases_link, cases_session

CASES: Final = (*cases_link.CASES, *cases_session.CASES, *cases_evidence.CASES)
RULES: Final = tuple(dict.fromkeys(rule for case in CASES for rule in case.rules))
"""What they judge: numbered rules, and what has no number."""

"""Benchmarks: ours beside the least that the same work can cost, in the same run, on the same machine.

    python -m tools.bench [BENCHMARK …] [--quick] [--mib SIZE …] [--rounds N] [--json FILE]

A figure of one run on one machine means little; a ratio of two medians out of interleaved rounds means
something. So every benchmark has a contender that does the unavoidable part alone, and the ratio is what may be
quoted.
"""

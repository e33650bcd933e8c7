"""The verbs of `bwc`, one file each, found by name; `a_b.py` beside `a.py` is a part of that verb. See `app.load`."""

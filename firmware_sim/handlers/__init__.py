"""What the simulated devices answer, one file a subject: the mirror of the declared messages, under the same names.

Importing this package fills `CAMERA` and `STATION` from every file in it. A handler reads or changes the device and
gives the reply, or raises `Refusal`. Roles are checked before it is called; preconditions are its business.
"""

from importlib import import_module
from pkgutil import iter_modules

from firmware_sim.handlers.registry import CAMERA as CAMERA
from firmware_sim.handlers.registry import STATION as STATION

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")

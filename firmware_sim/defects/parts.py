"""Puts other parts into the links of one camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from bwc_protocol.frame import FrameParser
from bwc_protocol.link import Link
from bwc_protocol.link.channels import Channels
from bwc_protocol.link.inbound import Inbound
from bwc_protocol.link.listening import Listener
from bwc_protocol.link.outbound import Outbound
from firmware_sim.camera.camera import SimCamera


def parts(
    *,
    link: type[Link] = Link,
    parser: type[FrameParser] = FrameParser,
    listener: type[Listener] = Listener,
    channels: type[Channels] = Channels,
    inbound: type[Inbound] = Inbound,
    outbound: type[Outbound] = Outbound,
) -> Callable[[SimCamera], None]:
    """What makes a camera whose links are of these parts."""
    its_channels = type("ItsChannels", (channels,), {"inbound_type": inbound, "outbound_type": outbound})
    made = type(
        "ItsLink",
        (link,),
        {"parser_type": parser, "listener_type": listener, "channels_type": its_channels},
    )

    def into(camera: SimCamera) -> None:
        camera.profile.link = cast(type[Link], made)

    return into

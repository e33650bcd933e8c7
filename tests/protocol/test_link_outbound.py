"""The sending half by itself: what the answer to a PING proves, frame by frame (spec: Retransmission)."""

from bwc_protocol.link.events import LinkCounters
from bwc_protocol.link.outbound import _ASKED_MAX, Outbound, Pipe, Sent
from bwc_protocol.link.params import LinkParams

PARAMS = LinkParams()
SIZE = 100


def sending(frames: int, now: float = 0.0) -> tuple[Pipe, Outbound]:
    """So many frames, of which none was handed out yet."""
    pipe = Pipe(PARAMS, LinkCounters())
    outbound = Outbound(pipe, SIZE, window=32, edge=32, rate=PARAMS.initial_rate)
    outbound.push(bytes(frames * SIZE), now)
    return pipe, outbound


def taken(outbound: Outbound, now: float) -> list[Sent]:
    """All that can be handed out now."""
    frames = []
    while outbound.next_size():
        frames.append(outbound.take(now))
    return frames


def test_a_copy_of_what_is_known_to_be_lost_measures_like_a_first_transmission() -> None:
    pipe, outbound = sending(3)
    taken(outbound, 0.0)
    outbound.asked()
    outbound.answered()
    assert [sent.seq for sent in taken(outbound, 10.0)] == [0, 1, 2]
    assert outbound.acknowledge(3, 32, 0, 10.004)
    assert abs(pipe.round_trip.shortest - 0.004) < 1e-9


def test_a_copy_that_was_under_way_when_its_original_was_proven_lost_measures_too() -> None:
    pipe, outbound = sending(1)
    taken(outbound, 0.0)
    outbound.asked()
    assert outbound.expire()
    taken(outbound, 10.0)
    outbound.answered()
    assert outbound.acknowledge(1, 32, 0, 10.004)
    assert abs(pipe.round_trip.shortest - 0.004) < 1e-9


def test_an_original_sent_after_the_ping_may_still_be_the_one_that_arrives() -> None:
    pipe, outbound = sending(2)
    outbound.take(0.0)
    outbound.asked()
    taken(outbound, 0.0)
    assert outbound.expire()
    outbound.acknowledge(1, 32, 0, 0.1)
    before = pipe.round_trip.shortest
    assert outbound.expire()
    taken(outbound, 10.0)
    outbound.answered()
    assert outbound.acknowledge(2, 32, 0, 10.004)
    assert pipe.round_trip.shortest == before, "nobody knows which of the two was acknowledged"


def test_what_arrives_though_it_was_proven_lost_measures_nothing() -> None:
    """On a pipe that does not keep order after all."""
    pipe, outbound = sending(1, now=100.0)
    taken(outbound, 100.0)
    outbound.asked()
    outbound.answered()
    assert outbound.acknowledge(1, 32, 0, 100.001)
    assert pipe.round_trip.shortest == PARAMS.timer_initial_s
    assert outbound.outstanding == 0 and pipe.in_flight == 0 and not outbound.next_size()


def test_three_later_frames_prove_a_loss_behind_frames_that_were_sent_again() -> None:
    _, outbound = sending(6)
    outbound.take(0.0)
    outbound.take(0.0)
    outbound.asked()
    assert [sent.seq for sent in taken(outbound, 0.0)] == [2, 3, 4, 5]
    outbound.answered()
    assert [sent.seq for sent in taken(outbound, 0.1)] == [0, 1]
    assert outbound.acknowledge(0, 32, 0b1_0000, 0.2)  # frame 5, sent three after frame 2
    assert [sent.seq for sent in taken(outbound, 0.2)] == [2]


def test_questions_that_are_never_answered_take_no_memory() -> None:
    _, outbound = sending(1)
    taken(outbound, 0.0)
    for _ in range(1_000):
        outbound.asked()
    assert len(outbound._asked) == _ASKED_MAX

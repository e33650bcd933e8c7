"""The sending half by itself: what the answer to a PING proves, frame by frame (spec: Retransmission)."""

from bwc_protocol.link.counters import ChannelTally
from bwc_protocol.link.outbound import _ASKED_MAX, Outbound, Pipe, Sent
from bwc_protocol.link.params import LinkParams
from bwc_protocol.link.pipe_rates import FAR_ABOVE

PARAMS = LinkParams()
SIZE = 2_048


def sending(frames: int, now: float = 0.0, size: int = SIZE) -> tuple[Pipe, Outbound]:
    """So many frames, of which none was handed out yet."""
    pipe = Pipe(PARAMS)
    outbound = Outbound(pipe, ChannelTally(), size, window=32, edge=32, rate=PARAMS.initial_rate)
    outbound.push(bytes(frames * size), now)
    return pipe, outbound


def taken(outbound: Outbound, now: float) -> list[Sent]:
    """All that can be handed out now."""
    frames = []
    while outbound.next_size():
        frames.append(outbound.take(now))
    return frames


def answer(outbound: Outbound, number: int, now: float, ack: int = 0, sack: int = 0) -> None:
    assert outbound.answered(number, ack, 32, sack, now)


def test_a_copy_of_what_is_known_to_be_lost_measures_like_a_first_transmission() -> None:
    pipe, outbound = sending(3)
    taken(outbound, 0.0)
    answer(outbound, outbound.asked(), 10.0)
    assert [sent.seq for sent in taken(outbound, 10.0)] == [0, 1, 2]
    assert outbound.acknowledge(3, 32, 0, 10.004)
    assert abs(pipe.round_trip.shortest - 0.004) < 1e-9


def test_a_copy_that_was_under_way_when_its_original_was_proven_lost_measures_too() -> None:
    pipe, outbound = sending(1)
    taken(outbound, 0.0)
    number = outbound.asked()
    assert outbound.expire()
    taken(outbound, 10.0)
    answer(outbound, number, 10.001)
    assert outbound.acknowledge(1, 32, 0, 10.004)
    assert abs(pipe.round_trip.shortest - 0.004) < 1e-9


def late(copies: int, size: int = SIZE) -> tuple[Pipe, Outbound, list[int]]:
    """A frame that went at 0 s, with copies at 10, 20, ... s; and the numbers of the PINGs ahead of those. Before, the
    pipe took 8 ms for a frame."""
    pipe, outbound = sending(3, -1.0, size)
    outbound.take(-1.0)
    assert outbound.acknowledge(1, 32, 0, -0.992)
    outbound.take(0.0)
    numbers = []
    for copy in range(copies):
        assert outbound.expire()
        numbers.append(outbound.asked())
        outbound.take(10.0 * (copy + 1))
    return pipe, outbound, numbers


def timer(outbound: Outbound, now: float) -> float:
    """Hands out what can be; how long the timer then runs."""
    taken(outbound, now)
    deadline = outbound.deadline()
    assert deadline is not None
    return deadline - now


def timer_of_next(outbound: Outbound, ack: int, now: float) -> float:
    """The last frame in flight is acknowledged at `now`; how long the timer of one more then runs."""
    assert outbound.acknowledge(ack, 32, 0, now)
    outbound.push(bytes(100), now + 1.0)
    return timer(outbound, now + 1.0)


def test_what_is_acknowledged_before_the_pong_is_the_original() -> None:
    """However long ago the copy was sent: the pipe is slow, and has to be known as that."""
    pipe, outbound, _ = late(1)
    assert outbound.acknowledge(2, 32, 0, 19.0)
    assert pipe.meter.rate < 1_000


def test_a_timer_that_was_too_short_stays_doubled_until_a_frame_comes_in_time() -> None:
    _, outbound, _ = late(3, size=100)  # too few bytes to say anything about the rate
    assert outbound.acknowledge(2, 32, 0, 31.0)
    doubled = timer(outbound, 31.0)
    assert doubled > 4 * timer_of_next(outbound, 3, 31.01)


def test_a_timer_can_be_doubled_for_ever() -> None:
    _, outbound = sending(1)
    taken(outbound, 0.0)
    for _ in range(1_100):
        outbound.expire()
        taken(outbound, 0.0)
    deadline = outbound.deadline()
    assert deadline is not None and deadline < PARAMS.dead_after_s + PARAMS.timer_max_s


def test_a_loss_that_is_proven_before_its_copy_was_sent_is_one_loss() -> None:
    pipe, outbound = sending(2)
    taken(outbound, 0.0)
    number = outbound.asked()
    assert outbound.expire()
    answer(outbound, number, 1.0)
    assert [sent.seq for sent in taken(outbound, 1.0)] == [0, 1]
    assert pipe.in_flight == 2 * SIZE
    assert outbound.acknowledge(2, 32, 0, 1.1)
    assert pipe.in_flight == 0 and outbound.deadline() is None


def test_what_arrives_after_its_loss_was_proven_ends_the_doubling_and_not_the_proof() -> None:
    """Else a pipe that carries PINGs and no data would be filled at full rate, and given up within a second."""
    _, outbound, _ = late(3, size=100)
    taken(outbound, 30.0)
    answer(outbound, outbound.asked(), 30.02, ack=1)
    doubled = timer(outbound, 30.02)
    assert doubled > 4 * timer_of_next(outbound, 3, 30.03)


def test_a_pong_there_and_back_with_the_last_copy_ends_the_doubling() -> None:
    _, outbound, numbers = late(3, size=100)
    answer(outbound, numbers[2], 30.01, ack=2)
    _, other, _ = late(3, size=100)
    assert other.acknowledge(2, 32, 0, 30.01)
    assert timer(other, 31.0) > 4 * timer(outbound, 31.0)


def test_a_pong_behind_which_others_are_missing_says_nothing_about_the_timer() -> None:
    _, outbound, numbers = late(3, size=100)
    answer(outbound, numbers[0], 30.01, ack=2)
    doubled = timer(outbound, 31.0)
    assert doubled > 4 * timer_of_next(outbound, 3, 31.01)


def test_pongs_have_frames_sent_again_once_until_one_arrives() -> None:
    _, outbound = sending(4)
    taken(outbound, 0.0)
    answer(outbound, outbound.asked(), 1.0)
    assert [sent.seq for sent in taken(outbound, 1.0)] == [0, 1, 2, 3]
    answer(outbound, outbound.asked(), 2.0)
    assert taken(outbound, 2.0) == []
    assert outbound.acknowledge(1, 32, 0, 2.1)
    assert [sent.seq for sent in taken(outbound, 2.1)] == [1, 2, 3], (
        "what was proven meanwhile is not forgotten"
    )
    answer(outbound, outbound.asked(), 3.0, ack=1)
    assert [sent.seq for sent in taken(outbound, 3.0)] == [1, 2, 3]


def test_a_pong_that_may_have_nothing_sent_again_still_tells_which_copy_arrives() -> None:
    pipe, outbound = sending(2)
    taken(outbound, 0.0)
    answer(outbound, outbound.asked(), 1.0)
    taken(outbound, 1.0)
    assert outbound.expire()
    number = outbound.asked()
    taken(outbound, 2.0)
    answer(outbound, number, 2.01)
    assert outbound.acknowledge(1, 32, 0, 2.05)
    assert abs(pipe.round_trip.shortest - 0.05) < 1e-9


def test_a_pong_that_reports_the_frame_itself_leaves_open_which_one_came() -> None:
    pipe, outbound, numbers = late(1)
    before = pipe.round_trip.shortest, pipe.meter.rate
    answer(outbound, numbers[0], 10.004, ack=2)
    assert (pipe.round_trip.shortest, pipe.meter.rate) == before


def test_of_two_copies_the_first_may_be_the_one_that_arrives() -> None:
    pipe, outbound, numbers = late(2)
    answer(outbound, numbers[0], 20.001, ack=1)  # the original is lost; the second PONG is missing
    assert outbound.acknowledge(2, 32, 0, 20.002)
    assert pipe.meter.rate < 1_000


def test_a_later_pong_stands_for_those_that_were_lost() -> None:
    pipe, outbound, numbers = late(2)
    before = pipe.meter.rate
    answer(outbound, numbers[1], 20.001, ack=1)
    assert outbound.acknowledge(2, 32, 0, 20.05)
    assert abs(pipe.meter.rate - (before + (SIZE / 0.05 - before) / 4)) < 1e-6


def test_what_arrives_though_it_was_proven_lost_measures_nothing() -> None:
    """On a pipe that does not keep order after all."""
    pipe, outbound = sending(1, now=100.0)
    taken(outbound, 100.0)
    answer(outbound, outbound.asked(), 100.0)
    assert outbound.acknowledge(1, 32, 0, 100.001)
    assert pipe.round_trip.shortest == PARAMS.timer_initial_s
    assert outbound.outstanding == 0 and pipe.in_flight == 0 and not outbound.next_size()


def test_three_later_frames_prove_a_loss_behind_frames_that_were_sent_again() -> None:
    _, outbound = sending(6)
    outbound.take(0.0)
    outbound.take(0.0)
    number = outbound.asked()
    assert [sent.seq for sent in taken(outbound, 0.0)] == [2, 3, 4, 5]
    answer(outbound, number, 0.1)
    assert [sent.seq for sent in taken(outbound, 0.1)] == [0, 1]
    assert outbound.acknowledge(0, 32, 0b1_0000, 0.2)  # frame 5, sent three after frame 2
    assert [sent.seq for sent in taken(outbound, 0.2)] == [2]


def test_a_frame_that_three_later_ones_prove_lost_measures_with_its_copy() -> None:
    pipe, outbound = sending(5)
    taken(outbound, 0.0)
    assert outbound.acknowledge(0, 32, 0b0111, 0.01)
    before = pipe.meter.rate
    assert [sent.seq for sent in taken(outbound, 0.01)] == [0]
    assert outbound.acknowledge(4, 32, 0, 0.05)
    assert pipe.meter.rate < before
    assert abs(pipe.meter.rate - FAR_ABOVE * SIZE / 0.04) < 1e-6


def test_an_acknowledgement_sooner_than_any_is_not_the_copys() -> None:
    """Of a pipe that does not keep order: it would prove all lost that went before the copy."""
    pipe, outbound = sending(30)
    taken(outbound, 0.0)
    assert outbound.acknowledge(0, 32, 0b0111, 0.05)
    assert [sent.seq for sent in taken(outbound, 0.05)] == [0]
    assert outbound.acknowledge(4, 32, 0, 0.051)
    assert pipe.round_trip.shortest == 0.05
    assert not outbound.next_size()


def test_questions_that_are_never_answered_take_no_memory_and_new_ones_count() -> None:
    _, outbound = sending(1)
    taken(outbound, 0.0)
    numbers = [outbound.asked() for _ in range(70_000)]
    assert len(outbound._asked) == _ASKED_MAX
    assert 0 not in numbers and max(numbers) == 65_535
    answer(outbound, numbers[0], 1.0)
    assert not outbound.next_size(), "forgotten"
    answer(outbound, numbers[-1], 1.0)
    assert outbound.next_size() == SIZE
    assert not outbound._asked


def test_what_a_closed_channel_had_in_flight_is_no_longer_in_the_pipe() -> None:
    """Else the timers of the others would wait for it for ever."""
    pipe, outbound = sending(3)
    taken(outbound, 0.0)
    outbound.close()
    assert pipe.in_flight == 0

"""How a link begins, lives and ends. The tests named after a sentence of the specification guard that sentence."""

import itertools
from dataclasses import replace

import pytest

from bwc_protocol.frame import (
    MAX_CHANNEL,
    MIN_PAYLOAD,
    Bye,
    ByeReason,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    ResetReason,
    encode_frame,
)
from bwc_protocol.link import (
    ChannelData,
    DeviceGate,
    DiscardReason,
    Link,
    LinkDown,
    LinkDownReason,
    LinkParams,
    LinkRole,
    LinkState,
    LinkStateError,
    LinkUp,
)

HOST, DEVICE = LinkRole.HOST, LinkRole.DEVICE


def types(frames):
    return [f.type for f in frames]


def bye(frames):
    """The payloads of the BYEs among `frames`, with the link that each names."""
    return [(f.link, Bye.decode(f.payload)) for f in frames if f.type is FrameType.BYE]


def downs(link):
    return [event.reason for event in link.events() if isinstance(event, LinkDown)]


# Beginning


@pytest.mark.rule("LNK-001")
def test_a_device_never_speaks_first(bench) -> None:
    device = bench(DEVICE)
    assert device.link.deadline() is None
    assert device.wait(60.0) == []


def test_the_host_says_hello_every_250_ms_for_5_s_and_then_gives_up(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    heard = host.wait(30.0)
    assert types(heard) == [FrameType.HELLO] * 20
    assert all(f.link == 0 and len(f.payload) <= 64 for f in heard)
    assert downs(host.link) == [LinkDownReason.NO_ANSWER]
    assert host.link.deadline() is None


@pytest.mark.rule("LNK-017")
def test_a_connection_takes_hello_ack_and_ping_and_both_agree_upon_the_smaller_offers(wire) -> None:
    pair = wire(
        host=LinkParams(max_payload=4_096, max_window=16), device=LinkParams(max_payload=1_024, max_window=20)
    ).connect(())
    (up,), (other,) = pair.host.of(LinkUp), pair.device.of(LinkUp)
    assert up == other and up.nonce != 0
    assert (up.version, up.max_payload, up.window) == (1, 1_024, 16)
    assert pair.host.link.max_payload == pair.device.link.max_payload == 1_024


@pytest.mark.rule("LNK-006")
def test_the_host_sends_a_ping_at_once_on_the_granted_link(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    (ping,) = host.grant(link=0x1234)
    assert (ping.type, ping.channel, ping.link) == (FrameType.PING, 0, 0x1234)
    assert ping.epoch == 255, "no life of the channel has begun"
    assert (ping.seq, ping.ack, ping.sack, ping.window) == (0, 0, 0, 0)
    assert host.link.state is LinkState.CHECKING and host.link.events() == []
    host.say(FrameType.PONG)
    assert [type(e) for e in host.link.events()] == [LinkUp]


@pytest.mark.rule("LNK-002")
def test_a_hello_that_repeats_the_host_nonce_gets_the_same_ack(bench) -> None:
    """Of the candidate and of the live link: else no connect succeeds when the round trip exceeds 250 ms."""
    device = bench(DEVICE)
    first = device.hello(nonce=7)
    assert device.hello(nonce=7) == first
    device.say(FrameType.PING)
    assert device.hello(nonce=7) == first
    assert device.link.state is LinkState.LIVE and downs(device.link) == []


def test_a_link_comes_up_when_the_round_trip_exceeds_the_hello_interval(wire, faults) -> None:
    pair = wire(faults(delay_s=0.6)).connect(())
    assert pair.host.link.state is pair.device.link.state is LinkState.LIVE
    assert len(pair.device.of(LinkUp)) == 1


@pytest.mark.rule("LNK-007")
def test_a_live_host_ignores_hello_ack(bench) -> None:
    host = bench(HOST).connected_host()
    late = HelloAck(host_nonce=bench.NONCE, max_payload=1_024, version=1, window=32)
    assert host.put(Frame(FrameType.HELLO_ACK, link=0xBAD, payload=late.encode())) == []
    assert host.link.state is LinkState.LIVE
    assert types(host.say(FrameType.PING)) == [FrameType.PONG]


@pytest.mark.rule("LNK-006")
def test_an_ack_for_another_host_is_not_taken(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.heard()
    other = HelloAck(host_nonce=1, max_payload=1_024, version=1, window=32)
    assert host.put(Frame(FrameType.HELLO_ACK, link=5, payload=other.encode())) == []
    assert host.link.state is LinkState.CALLING


@pytest.mark.rule("LNK-019")
@pytest.mark.parametrize("wrong", [{"max_payload": 61_440}, {"window": 33}, {"window": 0}, {"version": 2}])
def test_an_ack_beyond_what_was_offered_is_refused_by_name(bench, wrong) -> None:
    host = bench(HOST, max_payload=1_024)
    host.link.open(host.now)
    answers = host.grant(**wrong)
    assert downs(host.link) == [LinkDownReason.PROTOCOL]
    assert bye(answers) == [(host.nonce, Bye(reason=ByeReason.PROTOCOL))]


def test_a_grant_that_the_host_refuses_is_forgotten(bench) -> None:
    device = bench(DEVICE)
    device.hello()
    device.say(FrameType.BYE, payload=Bye(reason=ByeReason.PROTOCOL).encode())
    device.say(FrameType.PING)
    assert device.link.state is LinkState.LISTENING


@pytest.mark.rule("LNK-017")
@pytest.mark.parametrize("wrong", [{"max_payload": 19}, {"max_payload": 0}, {"max_window": 0}])
def test_an_offer_that_no_link_could_work_with_is_refused_by_name(bench, wrong) -> None:
    device = bench(DEVICE)
    answer = device.hello(nonce=3, **wrong)
    assert bye([answer]) == [(0, Bye(reason=ByeReason.PROTOCOL, host_nonce=3))]
    host = bench(HOST)
    host.link.open(host.now)
    host.put(answer)
    assert host.link.state is LinkState.CALLING, "another host was meant"
    host.put(Frame(FrameType.BYE, payload=Bye(reason=ByeReason.PROTOCOL, host_nonce=bench.NONCE).encode()))
    assert downs(host.link) == [LinkDownReason.PROTOCOL]


def test_a_refused_offer_leaves_the_live_link_alone(bench) -> None:
    device = bench(DEVICE).connected_device()
    device.hello(nonce=8, max_window=0)
    assert device.link.state is LinkState.LIVE and downs(device.link) == []


@pytest.mark.rule("LNK-018")
def test_without_a_common_version_the_device_says_so(bench) -> None:
    device = bench(DEVICE)
    answer = device.hello(nonce=3, lowest=2, highest=9)
    assert bye([answer]) == [(0, Bye(reason=ByeReason.VERSION, host_nonce=3))]
    host = bench(HOST)
    host.link.open(host.now)
    host.put(
        Frame(
            FrameType.BYE, payload=Bye(reason=ByeReason.VERSION, host_nonce=bench.NONCE).encode(), version=7
        )
    )
    assert downs(host.link) == [LinkDownReason.VERSION]


@pytest.mark.rule("LNK-005")
def test_a_device_never_repeats_a_nonce_and_never_draws_0() -> None:
    drawn = iter([5, 5, 0, 5, 6])
    device = Link(DEVICE, LinkParams(), nonce=lambda: next(drawn))

    def call(nonce: int) -> None:
        hello = Hello(host_nonce=nonce, max_payload=1_024, lowest=1, highest=1, max_window=32)
        device.receive(encode_frame(Frame(FrameType.HELLO, payload=hello.encode())), 0.0)

    call(1)
    assert b"\x05\x00\x00\x00" in device.outgoing(0.0)[0][4:8]
    call(2)
    assert b"\x06\x00\x00\x00" in device.outgoing(0.0)[0][4:8]


def test_a_broken_source_of_nonces_is_loud() -> None:
    device = Link(DEVICE, LinkParams(), nonce=lambda: 0)
    hello = Hello(host_nonce=1, max_payload=1_024, lowest=1, highest=1, max_window=32)
    with pytest.raises(LinkStateError):
        device.receive(encode_frame(Frame(FrameType.HELLO, payload=hello.encode())), 0.0)


def test_a_host_killed_in_the_middle_of_a_frame_does_not_swallow_the_next_hosts_hellos(bench) -> None:
    device = bench(DEVICE, max_payload=16_384).connected_device(max_payload=16_384)
    half = encode_frame(Frame(FrameType.DATA, link=device.nonce, payload=bytes(16_384)))[:9_000]
    device.link.receive(half, device.now)
    device.link.events()
    for _ in range(2):
        device.wait(0.25)
        if (answer := device.hello(nonce=99)) is not None:
            break
    assert answer is not None and answer.type is FrameType.HELLO_ACK


@pytest.mark.rule("FRM-005")
def test_connecting_discards_partial_input(bench) -> None:
    host = bench(HOST)
    host.link.receive(encode_frame(Frame(FrameType.DATA, payload=bytes(900)))[:500], host.now)
    host.link.open(host.now)
    host.grant()
    assert host.link.state is LinkState.CHECKING


# Whose device it is


@pytest.mark.rule("LNK-003")
def test_a_stale_hello_kills_nothing(bench) -> None:
    device = bench(DEVICE).connected_device()
    live = device.nonce
    device.hello(nonce=1_000)
    assert device.link.state is LinkState.LIVE and device.link.events() == []
    device.nonce = live
    assert types(device.say(FrameType.PING)) == [FrameType.PONG]


@pytest.mark.rule("LNK-003")
def test_a_host_that_was_killed_is_replaced_by_the_next_once_that_one_uses_its_link(bench) -> None:
    device = bench(DEVICE).connected_device()
    device.hello(nonce=1_000)
    assert types(device.say(FrameType.PING)) == [FrameType.PONG]
    down, up = device.link.events()
    assert down == LinkDown(LinkDownReason.REPLACED)
    assert isinstance(up, LinkUp) and up.nonce == device.nonce


@pytest.mark.rule("LNK-004")
def test_a_device_keeps_one_candidate_a_pipe(bench) -> None:
    device = bench(DEVICE)
    first = device.hello(nonce=1)
    device.hello(nonce=2)
    assert device.put(Frame(FrameType.PING, link=first.link))[0].type is FrameType.BYE
    assert types(device.say(FrameType.PING)) == [FrameType.PONG]


@pytest.mark.rule("LNK-004")
def test_when_a_link_becomes_live_the_candidates_of_all_pipes_are_forgotten(bench) -> None:
    gate = DeviceGate()
    one, two = bench(DEVICE, gate), bench(DEVICE, gate)
    one.hello(nonce=1)
    two.hello(nonce=2)
    assert types(one.say(FrameType.PING)) == [FrameType.PONG]
    assert bye(two.say(FrameType.PING)) == [(two.nonce, Bye(reason=ByeReason.UNKNOWN_LINK))]
    assert two.link.state is LinkState.LISTENING


def test_a_candidate_that_outlives_its_pipes_live_link_is_still_forgotten(bench) -> None:
    gate = DeviceGate()
    one, two = bench(DEVICE, gate).connected_device(), bench(DEVICE, gate)
    live = one.nonce
    one.hello(nonce=1_000)
    one.put(Frame(FrameType.BYE, link=live, payload=Bye(reason=ByeReason.NORMAL).encode()))
    two.connected_device()
    assert types(one.say(FrameType.PING)) == [FrameType.BYE]
    assert one.link.state is LinkState.LISTENING


@pytest.mark.rule("LNK-008")
def test_another_pipe_gets_busy_with_a_time_and_never_a_name(bench) -> None:
    gate = DeviceGate(retry_after_ms=2_500)
    bench(DEVICE, gate).connected_device()
    answer = bench(DEVICE, gate).hello(nonce=77)
    assert answer is not None and answer.link == 0
    assert Bye.decode(answer.payload) == Bye(reason=ByeReason.BUSY, host_nonce=77, retry_after_ms=2_500)


@pytest.mark.rule("LNK-008")
def test_a_refusal_and_a_grant_that_wait_for_one_pipe_both_go_out(bench) -> None:
    """A host that was told BUSY goes away; the next one on its pipe must not take that answer's place."""
    gate = DeviceGate()
    one, two = bench(DEVICE, gate).connected_device(), bench(DEVICE, gate)
    call = Hello(host_nonce=77, max_payload=1024, lowest=1, highest=1, max_window=32)
    two.link.receive(encode_frame(Frame(FrameType.HELLO, payload=call.encode())), two.now)
    one.link.close(one.now)
    two.link.receive(
        encode_frame(Frame(FrameType.HELLO, payload=replace(call, host_nonce=78).encode())), two.now
    )
    assert {frame.type for frame in two.heard()} == {FrameType.BYE, FrameType.HELLO_ACK}


def test_bye_busy_answers_only_hello(bench) -> None:
    gate = DeviceGate()
    bench(DEVICE, gate).connected_device()
    other = bench(DEVICE, gate)
    for type in set(FrameType) - {FrameType.HELLO}:
        for _, said in bye(other.put(Frame(type, link=4))):
            assert said.reason is ByeReason.UNKNOWN_LINK


def test_busy_reaches_the_host_that_asked(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.put(
        Frame(FrameType.BYE, payload=Bye(reason=ByeReason.BUSY, host_nonce=1, retry_after_ms=9).encode())
    )
    assert host.link.state is LinkState.CALLING
    mine = Bye(reason=ByeReason.BUSY, host_nonce=bench.NONCE, retry_after_ms=9)
    host.put(Frame(FrameType.BYE, payload=mine.encode()))
    assert host.link.events() == [LinkDown(LinkDownReason.BUSY, 9)]


@pytest.mark.rule("LNK-011")
def test_a_late_busy_does_not_kill_a_link_that_was_adopted_since(bench) -> None:
    host = bench(HOST).connected_host()
    late = Bye(reason=ByeReason.BUSY, host_nonce=bench.NONCE, retry_after_ms=9)
    host.put(Frame(FrameType.BYE, payload=late.encode()))
    host.say(FrameType.BYE, payload=late.encode())
    assert host.link.state is LinkState.LIVE


def test_a_device_is_free_again_when_its_link_ends(bench) -> None:
    gate = DeviceGate()
    one, two = bench(DEVICE, gate).connected_device(), bench(DEVICE, gate)
    one.link.pipe_lost(one.now)
    assert downs(one.link) == [LinkDownReason.PIPE_LOST]
    two.connected_device()


# Frames of other links


@pytest.mark.rule("LNK-009", "LNK-010")
def test_frames_of_another_link_are_dropped_and_answered_by_one_bye_a_second(bench) -> None:
    device = bench(DEVICE).connected_device()
    answers = []
    for _ in range(30):
        answers += device.put(Frame(FrameType.DATA, link=0xDEAD, epoch=0, payload=b"old"))
        answers += device.wait(0.1)
    said = bye(answers)
    assert said == [(0xDEAD, Bye(reason=ByeReason.UNKNOWN_LINK))] * 3
    assert not any(isinstance(e, ChannelData) for e in device.link.events())
    assert device.link.counters.discarded[DiscardReason.STALE_LINK] == 30


@pytest.mark.rule("LNK-012")
def test_bye_hello_and_hello_ack_never_provoke_a_bye(bench) -> None:
    for role in (HOST, DEVICE):
        end = bench(role)
        for type in (FrameType.BYE, FrameType.HELLO, FrameType.HELLO_ACK):
            assert end.put(Frame(type, link=0xDEAD, payload=Bye(reason=ByeReason.NORMAL).encode())) == [] or (
                role is DEVICE and type is FrameType.HELLO
            )


@pytest.mark.rule("LNK-011")
def test_unknown_link_is_honoured_only_with_the_current_link(bench) -> None:
    unknown = Bye(reason=ByeReason.UNKNOWN_LINK).encode()
    for connected in (bench(HOST).connected_host(), bench(DEVICE).connected_device()):
        connected.put(Frame(FrameType.BYE, link=connected.nonce ^ 1, payload=unknown))
        assert connected.link.state is LinkState.LIVE
        connected.say(FrameType.BYE, payload=unknown)
        assert downs(connected.link) == [LinkDownReason.UNKNOWN_LINK]


def test_unknown_link_before_anything_was_heard_sends_the_host_back_to_hello(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.grant()
    (again,) = host.say(FrameType.BYE, payload=Bye(reason=ByeReason.UNKNOWN_LINK).encode())
    assert again.type is FrameType.HELLO
    assert Hello.decode(again.payload).host_nonce != bench.NONCE
    assert host.link.events() == []


@pytest.mark.rule("LNK-016")
def test_a_connect_ends_within_15_s_whatever_the_device_answers(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    begun = host.now
    for link in itertools.count(1):
        calls = [f for f in host.wait(0.3) if f.type is FrameType.HELLO]
        if not calls:
            break
        nonce = Hello.decode(calls[-1].payload).host_nonce
        ack = HelloAck(host_nonce=nonce, max_payload=1_024, version=1, window=32)
        host.put(Frame(FrameType.HELLO_ACK, link=link, payload=ack.encode()))
        host.put(Frame(FrameType.BYE, link=link, payload=Bye(reason=ByeReason.UNKNOWN_LINK).encode()))
    assert host.now - begun <= 16.0
    assert len(downs(host.link)) == 1


def test_a_device_that_grants_and_then_falls_silent_is_told_from_no_device(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.grant()
    heard = host.wait(10.0)
    assert types(heard).count(FrameType.PING) >= 19
    assert downs(host.link) == [LinkDownReason.SILENT]


def test_frames_of_an_earlier_link_reach_no_later_one(bench) -> None:
    device = bench(DEVICE).connected_device()
    old = encode_frame(Frame(FrameType.DATA, link=device.nonce, epoch=0, payload=b"of the old host"))
    device.hello(nonce=2)
    device.say(FrameType.PING)
    device.link.receive(old, device.now)
    assert not any(isinstance(e, ChannelData) for e in device.link.events())


@pytest.mark.rule("LNK-020")
def test_frames_of_another_version_are_dropped(bench) -> None:
    device = bench(DEVICE).connected_device()
    assert device.say(FrameType.PING, version=2) == []
    assert device.link.counters.discarded[DiscardReason.MALFORMED] == 1


def test_a_frame_of_another_version_does_not_make_a_candidate_live(bench) -> None:
    device = bench(DEVICE)
    device.hello()
    device.say(FrameType.PING, version=2)
    assert device.link.state is LinkState.LISTENING
    device.say(FrameType.PING)
    assert device.link.state is LinkState.LIVE


# Keep-alive and end


@pytest.mark.rule("LNK-013", "LNK-015")
def test_ping_after_1_s_of_silence_and_death_after_5(bench) -> None:
    for end in (bench(HOST).connected_host(), bench(DEVICE).connected_device()):
        begun = end.now
        heard = end.wait(4.99)
        assert types(heard) == [FrameType.PING] * 4
        assert {f.channel for f in heard} == {0}
        assert end.link.events() == []
        (last,) = end.wait(1.0)
        assert bye([last]) == [(end.nonce, Bye(reason=ByeReason.SILENT))]
        assert downs(end.link) == [LinkDownReason.SILENT]
        assert end.now == pytest.approx(begun + 5.99)


def test_any_frame_of_the_link_counts_as_a_sign_of_life(bench) -> None:
    device = bench(DEVICE).connected_device()
    for _ in range(20):
        assert device.wait(0.9) == []
        device.say(FrameType.PONG)
    assert device.link.state is LinkState.LIVE


def test_an_end_that_was_itself_asleep_asks_before_it_gives_up(bench) -> None:
    device = bench(DEVICE).connected_device()
    device.now += 60.0
    device.link.tick(device.now)
    assert types(device.heard()) == [FrameType.PING]
    device.say(FrameType.PONG)
    assert device.link.state is LinkState.LIVE
    device.wait(5.5)
    assert downs(device.link) == [LinkDownReason.SILENT]


@pytest.mark.rule("LNK-014")
def test_pong_echoes_channel_epoch_and_number_even_of_a_closed_channel(bench) -> None:
    device = bench(DEVICE).connected_device()
    (pong,) = device.say(FrameType.PING, channel=9, epoch=123, seq=40_000)
    assert (pong.type, pong.channel, pong.epoch, pong.seq) == (FrameType.PONG, 9, 123, 40_000)
    assert (pong.ack, pong.window, pong.sack) == (0, 0, 0)


@pytest.mark.rule("LNK-014")
def test_pong_reports_what_came_before_its_ping_and_the_last_of_several_is_answered(bench) -> None:
    device = bench(DEVICE).connected_device()
    frames = [
        Frame(FrameType.PING, link=device.nonce, epoch=0, seq=8),
        Frame(FrameType.DATA, link=device.nonce, epoch=0, seq=0, payload=b"x"),
        Frame(FrameType.DATA, link=device.nonce, epoch=0, seq=2, payload=b"z"),
        Frame(FrameType.PING, link=device.nonce, epoch=0, seq=9),
    ]
    device.link.receive(b"".join(map(encode_frame, frames)), device.now)
    (pong,) = [frame for frame in device.heard() if frame.type is FrameType.PONG]
    assert (pong.seq, pong.ack, pong.sack) == (9, 1, 1)


def test_close_says_bye_and_the_peer_hears_it(wire) -> None:
    pair = wire().connect(())
    pair.host.link.close(pair.now)
    assert pair.run(lambda: bool(pair.device.of(LinkDown)), within=1.0)
    assert pair.device.of(LinkDown) == [LinkDown(LinkDownReason.CLOSED_BY_PEER)]
    assert pair.host.of(LinkDown) == [LinkDown(LinkDownReason.CLOSED)]


def test_the_end_of_a_link_ends_everything_on_it(wire) -> None:
    pair = wire().connect()
    pair.host.link.send(0, b"half a request")
    assert pair.run(lambda: bytes(pair.device.received[0]) == b"half a request", within=1.0)
    pair.device.link.send(0, bytes(100))
    pair.device.link.pipe_lost(pair.now)
    assert pair.device.link.outgoing(pair.now) == []
    assert pair.device.link.outstanding(0) == 0
    pair.device.link.send(0, b"to nobody")
    assert pair.device.link.outstanding(0) == 0


def test_a_host_may_open_again_after_the_link_went_down(wire) -> None:
    pair = wire().connect()
    pair.host.link.pipe_lost(pair.now)
    pair.host.events.clear()
    pair.connect()
    pair.host.link.send(0, b"anew")
    assert pair.run(lambda: bytes(pair.device.received[0]) == b"anew", within=1.0)
    assert [d.reason for d in pair.device.of(LinkDown)] == [LinkDownReason.REPLACED]


def test_what_the_state_does_not_allow_is_refused(bench) -> None:
    host, device = bench(HOST), bench(DEVICE)
    with pytest.raises(LinkStateError):
        device.link.open(0.0)
    with pytest.raises(LinkStateError):
        host.link.open_channel(0)
    host.connected_host()
    with pytest.raises(LinkStateError):
        host.link.open(0.0)
    with pytest.raises(ValueError, match="65"):
        host.link.open_channel(65)
    host.link.open_channel(64)
    with pytest.raises(LinkStateError):
        host.link.open_channel(64)


@pytest.mark.parametrize("connected", ["connected_host", "connected_device"])
def test_malformed_control_payloads_are_counted_and_dropped(bench, connected) -> None:
    end = getattr(bench(HOST if connected == "connected_host" else DEVICE), connected)()
    for type in (FrameType.HELLO, FrameType.BYE, FrameType.RESET):
        end.say(type, payload=b"\x01", epoch=255)
    end.say(FrameType.DATA, payload=b"")
    end.say(FrameType.PING, channel=65)
    assert end.link.state is LinkState.LIVE
    assert end.link.counters.discarded[DiscardReason.MALFORMED] == (
        5 if connected == "connected_device" else 4
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_payload": 19},
        {"max_payload": 61_441},
        {"max_window": 0},
        {"max_window": 33},
        {"channels": 66},
        {"lowest_version": 2},
        {"highest_version": 16},
        {"initial_rate": 0.0},
    ],
)
def test_parameters_that_no_link_could_work_with_are_refused(wrong) -> None:
    with pytest.raises(ValueError):
        LinkParams(**wrong)


def test_reset_reasons_of_the_future_read_as_protocol(bench) -> None:
    device = bench(DEVICE).connected_device()
    device.say(FrameType.DATA, epoch=0, payload=b"x")
    device.link.events()
    device.say(FrameType.RESET, epoch=0, payload=b"\xee\0\0\0")
    (event,) = device.link.events()
    assert event.reason is ResetReason.PROTOCOL


ALWAYS_0 = {
    FrameType.HELLO: ("link", "channel", "epoch", "seq", "ack", "sack", "window"),
    FrameType.HELLO_ACK: ("channel", "epoch", "seq", "ack", "sack", "window"),
    FrameType.DATA: (),
    FrameType.ACK: ("seq",),
    FrameType.RESET: ("seq", "ack", "sack", "window"),
    FrameType.PING: (),
    FrameType.PONG: (),
    FrameType.BYE: ("channel", "epoch", "seq", "ack", "sack", "window"),
}


@pytest.mark.rule("FRM-010")
def test_fields_that_a_type_leaves_at_0_are_sent_so_and_ignored(wire) -> None:
    seen = set()

    class Scribbled(wire):
        """A pipe that writes into every field that nobody may read."""

        def _carry(self, frame, one, other):
            (sent,) = FrameParser(61_440).feed(frame, 0.0)
            seen.add(sent.type)
            fields = ALWAYS_0[sent.type]
            assert all(getattr(sent, name) == 0 for name in fields), sent
            super()._carry(encode_frame(sent._replace(**dict.fromkeys(fields, 7))), one, other)

    pair = Scribbled().connect()
    for _ in range(2):
        pair.host.link.send(0, bytes(5_000))
        assert pair.run(lambda: len(pair.device.received[0]) == 5_000, within=5.0)
        pair.host.link.reset(0, ResetReason.NORMAL, pair.now)
        pair.run(lambda: False, within=3.0)  # answered, and then quiet for long enough to be asked
        pair.device.received[0].clear()
        pair.host.link.open_channel(0)
    pair.host.link.close(pair.now)
    assert pair.run(lambda: bool(pair.device.of(LinkDown)), within=1.0)
    assert seen == set(FrameType)


def test_a_link_that_was_given_up_before_it_was_used_is_not_revived_by_a_late_frame(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.grant()
    host.link.close(host.now)
    host.heard()
    host.link.events()
    host.say(FrameType.PONG, epoch=255)
    assert host.link.events() == [] and host.link.state is LinkState.CLOSED


def test_the_bound_of_the_whole_connect_holds_whatever_comes_rarer(bench) -> None:
    host = bench(HOST, connect_within_s=7.0, hello_for_s=50.0, hello_every_s=100.0)
    host.link.open(host.now)
    host.heard()
    assert host.link.deadline() == host.now + 7.0


def test_the_name_of_the_live_link_is_not_drawn_again_for_a_candidate() -> None:
    """Not even when others came between: frames of the one would count for the other."""
    drawn = iter([1, 2, 1, 3])
    link = Link(DEVICE, LinkParams(), nonce=lambda: next(drawn))
    names = []
    for host_nonce in (7, 8, 9):
        hello = Hello(host_nonce=host_nonce, max_payload=1024, lowest=1, highest=1, max_window=32)
        link.receive(encode_frame(Frame(FrameType.HELLO, payload=hello.encode())), 0.0)
        (answer,) = FrameParser(1024).feed(b"".join(link.outgoing(0.0)), 0.0)
        names.append(answer.link)
        if host_nonce == 7:
            link.receive(encode_frame(Frame(FrameType.PING, link=answer.link)), 0.0)
            link.outgoing(0.0)
    assert names == [1, 2, 3]


def test_a_candidate_of_smaller_frames_costs_the_live_link_none_of_its_larger_ones(bench) -> None:
    device = bench(DEVICE).connected_device()
    live = device.nonce
    device.hello(nonce=8, max_payload=MIN_PAYLOAD)
    device.nonce = live
    device.say(FrameType.DATA, epoch=0, seq=0, payload=bytes(1_024))
    assert [len(e.data) for e in device.link.events() if isinstance(e, ChannelData)] == [1_024]


def test_a_link_tells_whether_bytes_completed_a_frame(bench) -> None:
    device = bench(DEVICE).connected_device()
    ping = encode_frame(Frame(FrameType.PING, link=device.nonce))
    assert not device.link.receive(ping[:-1], device.now)
    assert device.link.receive(ping[-1:], device.now)


def test_an_answer_that_names_a_forgotten_candidate_does_not_go_out(bench) -> None:
    gate = DeviceGate()
    one, other = bench(DEVICE, gate), bench(DEVICE, gate)
    hello = Hello(host_nonce=9, max_payload=1024, lowest=1, highest=1, max_window=32)
    other.link.receive(encode_frame(Frame(FrameType.HELLO, payload=hello.encode())), other.now)
    one.connected_device()
    assert other.heard() == []


def test_a_device_opens_no_channel(bench) -> None:
    device = bench(DEVICE).connected_device()
    with pytest.raises(LinkStateError):
        device.link.open_channel(0)


def test_a_device_may_have_no_channel_or_all_of_them() -> None:
    for channels in (0, MAX_CHANNEL + 1):
        assert LinkParams(channels=channels).channels == channels


def test_who_closes_takes_back_what_was_granted_and_not_used_yet(bench) -> None:
    device = bench(DEVICE)
    device.hello()
    device.link.close(device.now)
    device.heard()
    device.say(FrameType.PING)
    assert device.link.state is LinkState.LISTENING and device.link.events() == []


def test_nothing_that_was_meant_for_a_lost_pipe_goes_into_the_next(bench) -> None:
    device = bench(DEVICE)
    stranger = Frame(FrameType.PING, link=0xBAD)
    device.link.receive(encode_frame(stranger), device.now)  # BYE is to be said
    device.link.pipe_lost(device.now)
    assert device.heard() == []

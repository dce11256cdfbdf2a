"""Records: whole ones are found around whatever befalls the bytes between them."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from regard.ledger.log.record import HEADER_BYTES, Record, Scar, header, scan


def segment(payloads: list[bytes]) -> bytes:
    return b"".join(header(payload, at) + payload for at, payload in enumerate(payloads))


def payloads_of(data: bytes, *, growing: bool = False) -> list[bytes]:
    return [bytes(one.payload) for one in scan(data, growing=growing) if isinstance(one, Record)]


def test_what_was_written_is_read_back_in_order():
    said = [b"one", b"", b"three" * 1000]
    found = list(scan(segment(said), growing=False))
    assert [bytes(one.payload) for one in found] == said
    assert [one.sequence for one in found] == [0, 1, 2]
    assert found[-1].end == len(segment(said))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_flipped_byte_costs_the_record_it_is_in_and_no_other(said, chance: random.Random):
    data = bytearray(segment(said))
    at = chance.randrange(len(data))
    data[at] ^= 1 << chance.randrange(8)
    edges, hit = 0, -1
    for number, payload in enumerate(said):
        if edges <= at < edges + HEADER_BYTES + len(payload):
            hit = number
        edges += HEADER_BYTES + len(payload)
    assert payloads_of(bytes(data)) == said[:hit] + said[hit + 1 :]
    scars = [one for one in scan(bytes(data), growing=False) if isinstance(one, Scar)]
    assert len(scars) == 1
    assert scars[0].torn == (hit == len(said) - 1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.data())
def test_a_torn_end_is_a_scar_once_its_writer_is_dead_and_a_write_under_way_until_then(said, data):
    whole = segment(said)
    last = len(whole) - HEADER_BYTES - len(said[-1])
    cut = data.draw(st.integers(last + 1, len(whole) - 1))
    assert payloads_of(whole[:cut]) == said[:-1]
    assert [one for one in scan(whole[:cut], growing=False) if isinstance(one, Scar)] == [Scar(last, cut, torn=True)]
    assert not [one for one in scan(whole[:cut], growing=True) if isinstance(one, Scar)]


def test_noise_before_between_and_after_is_set_aside_and_counted():
    noise = b"RGRD" * 40 + bytes(100)
    one, two = segment([b"a"]), header(b"b", 1) + b"b"
    found = list(scan(noise + one + noise + two + noise, growing=False))
    assert [bytes(f.payload) for f in found if isinstance(f, Record)] == [b"a", b"b"]
    assert sum(f.end - f.start for f in found if isinstance(f, Scar)) == 3 * len(noise)

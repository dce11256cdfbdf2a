"""Write keys: shown once, found at once, each with a source of its own, and gone soon after they are revoked."""

from __future__ import annotations

import datetime as dt
import hmac

import pytest
import sqlalchemy as sa

from regard.access import Keys, Pace
from regard.access.recent import Recent
from regard.errors import AccessError, SettingError
from regard.store import Store
from regard.store.access import write_key_secrets

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> dt.datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += dt.timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(store: Store, clock: Clock) -> Keys:
    return Keys(store, clock=clock)


def test_a_key_is_found_by_its_secret_and_by_nothing_else(keys):
    made = keys.create("shop", source="web shop", by="ada")
    found = keys.find(made.secret)
    assert found == made.key
    assert (found.source, found.scopes, found.rate, found.created_by) == ("web shop", ("ingest",), None, "ada")
    other = made.secret[:-1] + ("a" if made.secret[-1] != "a" else "b")
    assert [keys.find(text) for text in (other, "", "rgd_", made.secret[:20], "é" * 45, made.secret + "0")] == [
        None
    ] * 6


def test_the_store_holds_nothing_a_secret_could_be_read_from(keys):
    made = keys.create("shop")
    with keys.store.read() as db:
        (row,) = db.execute(sa.select(write_key_secrets))
    rest = made.secret.split("_")[2]
    assert rest not in str(row) and len(row.hash) == 32
    assert made.secret not in repr(keys.list())


def test_two_keys_never_share_a_name_or_a_source(keys):
    keys.create("shop", source="orders")
    for name, source in (("shop", "other"), ("till", "orders")):
        with pytest.raises(SettingError, match="belongs to another key"):
            keys.create(name, source=source)
    keys.revoke("shop")
    with pytest.raises(SettingError, match="belongs to another key") as caught:
        keys.create("till", source="orders")
    assert "revoked" in caught.value.found and "rotate shop" in caught.value.hint


def test_a_replaced_secret_holds_for_its_grace_and_no_longer(keys, clock):
    first = keys.create("shop")
    second = keys.rotate("shop", grace=dt.timedelta(hours=1))
    assert first.secret != second.secret
    assert keys.find(first.secret) == keys.find(second.secret) == first.key
    clock.forward(hours=1)
    assert keys.find(first.secret) is None  # although the answer is held: its end is known
    assert keys.find(second.secret) is not None
    third = keys.rotate("shop")
    assert keys.find(second.secret) is None and keys.find(third.secret) is not None


def test_a_longer_grace_never_lengthens_an_end_that_was_set(keys, clock):
    first = keys.create("shop")
    keys.rotate("shop", grace=dt.timedelta(hours=1))
    keys.rotate("shop", grace=dt.timedelta(hours=9))
    clock.forward(hours=2)
    assert keys.find(first.secret) is None


def test_a_revoked_key_is_refused_here_at_once_and_by_other_servers_within_seconds(keys, clock):
    elsewhere = Keys(keys.store, clock=clock)
    seconds = [0.0]
    elsewhere._recent = Recent(hold_s=3.0, clock=lambda: seconds[0])
    made = keys.create("shop")
    assert elsewhere.find(made.secret) is not None
    assert keys.revoke("shop").revoked_at == START
    assert keys.find(made.secret) is None
    seconds[0] = 5.0
    assert elsewhere.find(made.secret) is None
    again = keys.rotate("shop")
    assert again.key.revoked_at is None and keys.find(again.secret) is not None and keys.find(made.secret) is None


def test_when_a_key_was_last_used_is_stored_now_and_then(keys, clock):
    made = keys.create("shop")
    assert keys.last_used("shop") is None
    keys.find(made.secret)
    clock.forward(minutes=1)
    keys.find(made.secret)
    keys.note_used()
    assert keys.last_used("shop") == START + dt.timedelta(minutes=1)
    assert [key.last_used_at for key in keys.list()] == [START + dt.timedelta(minutes=1)]
    keys.note_used()


def test_a_key_there_is_not_is_answered_with_the_nearest(keys):
    keys.create("shop")
    for verb in (keys.rotate, keys.revoke, keys.last_used):
        with pytest.raises(AccessError, match="no key 'shp'") as caught:
            verb("shp")
        assert caught.value.hint == "Did you mean 'shop'?"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"scopes": ["ingst"]}, "not a scope"),
        ({"scopes": []}, "could send nothing"),
        ({"scopes": ["browser", "ingest"]}, "read by anyone"),
        ({"rate": 0}, "not a rate"),
        ({"rate": float("nan")}, "not a rate"),
        ({"origins": ["shop.example"]}, "not an origin"),
        ({"origins": ["https://shop.example/basket"]}, "not an origin"),
        ({"source": " "}, "cannot be the source"),
    ],
)
def test_what_cannot_be_is_refused(keys, more, says):
    with pytest.raises(SettingError, match=says):
        keys.create("shop", **more)
    assert keys.list() == []


def test_a_browsers_key_is_slow_keeps_to_its_pages_and_names_nobody_without_proof(keys):
    key = keys.create("site", scopes=["browser"], origins=["https://Shop.example/"]).key
    assert key.rate == 500 and key.may("browser") and not key.may("ingest")
    assert key.from_origin("https://shop.example") and not key.from_origin("https://elsewhere.example")
    proof = hmac.new(keys.signing_secret(key).encode(), b"C-17", "sha256").hexdigest()
    assert keys.vouched(key, "C-17", proof)
    assert not keys.vouched(key, "C-18", proof) and not keys.vouched(key, "C-17", None)
    other = keys.create("blog", scopes=["browser"]).key
    assert keys.signing_secret(other) != keys.signing_secret(key) and other.from_origin("https://any.example")
    assert keys.vouched(keys.create("server").key, "C-17", None)


def test_made_up_keys_never_push_out_real_ones():
    held: Recent[str, str] = Recent(hold_s=3.0, most=10, clock=lambda: 0.0)
    looked: list[str] = []

    def look(name: str, found: str | None) -> str | None:
        looked.append(name)
        return found

    held.get("real", lambda: look("real", "yes"))
    for n in range(1_000):
        assert held.get(f"fake{n}", lambda: None) is None
    assert held.get("real", lambda: look("real", "yes")) == "yes" and looked == ["real"]
    assert len(held._missing) == 10


def test_a_sender_gets_its_rate_over_time_and_large_batches_are_slowed_not_refused_for_ever():
    seconds = [0.0]
    pace = Pace(clock=lambda: seconds[0])
    sent, waited = 0, 0
    while seconds[0] < 100:
        wait = pace.take("shop", 2_500, rate=1_000.0)
        sent += 0 if wait else 2_500
        waited += wait > 0
        seconds[0] += wait or 0.001
    assert waited and sent == pytest.approx(100_000, rel=0.05)
    assert pace.take("other", 10, rate=1_000.0) == 0.0
    assert pace.take("shop", 1_000_000, rate=None) == 0.0

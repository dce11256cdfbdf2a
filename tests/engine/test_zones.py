"""Local time agrees with the standard library's, transitions and all."""

import datetime as dt
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regard.engine import day_start, local_date, local_time
from regard.errors import SettingError

ZONES = ["UTC", "Europe/Paris", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]
moments = st.integers(365 * 86_400, 66 * 365 * 86_400).map(lambda s: dt.datetime.fromtimestamp(s, dt.UTC))


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(moments, min_size=1, max_size=400))
def test_wall_clock_and_day_equal_the_standard_librarys(engine, zone, at):
    table = engine.table(pa.table({"at": pa.array(at + changes(zone), pa.timestamp("us", tz="UTC"))}))
    got = engine.rows(table.select("at", wall=local_time(table.at, zone), day=local_date(table.at, zone))).to_pylist()
    for row in got:
        wall = row["at"].astimezone(ZoneInfo(zone))
        assert row["wall"].replace(tzinfo=None) == wall.replace(tzinfo=None)
        assert row["day"] == wall.date()


def changes(zone):
    """The seconds around each change of a zone's clocks from 2015 to 2025."""
    found, at = [], dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
    while at.year < 2025:
        after = at + dt.timedelta(minutes=30)
        if at.astimezone(ZoneInfo(zone)).utcoffset() != after.astimezone(ZoneInfo(zone)).utcoffset():
            found += [after - dt.timedelta(seconds=1), after]
        at = after
    return found


def test_a_zone_that_does_not_exist_is_refused_with_an_example(engine):
    table = engine.table(pa.table({"at": pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)])}))
    with pytest.raises(SettingError, match="Europe/Paris"):
        local_date(table.at, "Europe/Pari")


@pytest.mark.parametrize("zone", [*ZONES, "Africa/Cairo"])
def test_a_day_begins_at_its_first_moment_whatever_the_clocks_do(engine, zone):
    days = pa.table({"day": [dt.date(2015, 1, 1) + dt.timedelta(days=n) for n in range(1500)]})
    begun = engine.table(days).mutate(start=lambda t: day_start(t.day, zone))
    got = engine.rows(
        begun.mutate(before=begun.start - ibis.interval(seconds=1)).select(
            "day", first=lambda t: local_date(t.start, zone), last=lambda t: local_date(t.before, zone)
        )
    ).to_pylist()
    assert len(got) == 1500
    assert all(row["first"] == row["day"] for row in got)
    assert all(row["last"] == row["day"] - dt.timedelta(days=1) for row in got)

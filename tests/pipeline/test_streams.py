"""Whatever happens in whatever order, and whenever tables are refreshed: they are those worked out from nothing.

REGARD_STREAMS says how many streams are tried; two by default, since each is worked out from nothing several times.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pipeline.stream import NOW, bring, event, hold, make, past

from regard import pipeline
from regard.engine import Engine, Published
from regard.ledger import Ledger
from regard.workspace import Workspace

STREAMS = int(os.environ.get("REGARD_STREAMS", "2"))
PEOPLE, ORDERS = 12, 10

handles = st.one_of(
    st.integers(0, PEOPLE).map(lambda n: ("email", f"p{n}@x.org")),
    st.integers(0, PEOPLE).map(lambda n: ("customer", f"K{n}")),
    st.integers(0, 5).map(lambda n: ("phone", f"49301{n}")),
    st.sampled_from([("phone", "0001"), ("postcode", "10115"), ("cookie", "w1"), ("cookie", "new")]),
)
orders = st.one_of(st.none(), st.integers(0, ORDERS).map(lambda n: f"o{n}-0"), st.sampled_from(["n1", "n2"]))
whats = st.sampled_from(["purchase", "delivered", "call", "apology", "review", "nps", "cancelled", "visit", "refund"])
happenings = st.tuples(
    whats,
    st.integers(0, 4000).map(lambda n: n / 10),
    st.lists(handles, max_size=2, unique=True),
    orders,
    st.integers(0, 10),
)
batches = st.tuples(st.just("batch"), st.lists(happenings, min_size=1, max_size=5))
names = st.integers(0, PEOPLE)
deeds = st.one_of(
    batches,
    batches,
    st.tuples(st.just("retract"), names),
    st.tuples(st.just("correct"), names),
    st.tuples(st.sampled_from(["merge", "split", "undo"]), st.tuples(names, names)),
    st.tuples(st.sampled_from(["refresh", "refresh", "compact"]), st.none()),
)


def said(number: int, happening: Any) -> dict[str, object]:
    what, day, on, order, mark = happening
    more: dict[str, object] = {}
    if what == "purchase":
        due = (NOW - dt.timedelta(days=430) + dt.timedelta(days=day + mark)).strftime("%Y-%m-%dT%H:%M:%SZ")
        more = {"amount_minor": 100 * (mark + 1), "properties": [("due", due)], "seller": f"s{mark % 3}"}
    elif what in ("review", "nps"):
        more = {"rating": float(1 + mark % 5 if what == "review" else mark)}
    elif what == "refund":
        more = {"amount_minor": -100}
    return event(f"r{number}", what, day, *on, order=order, **more)


def do(shop: Workspace, engine: Engine, number: int, deed: Any, *, later: dt.datetime) -> None:
    kind, what = deed
    if kind == "batch":
        bring(shop, [said(100 * number + nth, one) for nth, one in enumerate(what)], engine)
    elif kind == "retract":
        bring(shop, [event(f"t{number}", "retraction", 400, retracts=f"o{what}-0:r")], engine)
    elif kind == "correct":
        again = ("email", f"p{what}@x.org")
        row = event(
            f"x{number}", "review", 3.0 * what + 8, again, order=f"o{what}-0", rating=2.0, corrects=f"o{what}-0:r"
        )
        bring(shop, [row], engine)
    elif kind == "compact":
        Ledger.open(shop).compact(engine, now=NOW)
    elif kind == "refresh":
        pipeline.refresh(shop, engine, now=later)
    elif what[0] != what[1]:
        one, other = f"email:p{what[0]}@x.org", f"customer:K{what[1]}"
        pipeline.decide(shop, kind, one, other, by="ada", reason="", now=NOW + dt.timedelta(seconds=number))


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "records"])
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Workspace:
    shop = make(tmp_path_factory.mktemp("streams") / "shop", records=request.param)
    bring(shop, past(), engine)
    pipeline.run(shop, engine, pipeline.Order(now=NOW))
    return shop


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=STREAMS, deadline=None, suppress_health_check=list(HealthCheck), derandomize="CI" in os.environ)
@given(stream=st.lists(deeds, min_size=3, max_size=9))
def test_a_refresh_is_what_working_everything_out_gives(begun: Workspace, engine: Engine, stream: list[Any]) -> None:
    root = begun.root.parent / "one"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(begun.root, root)
    shop = Workspace(root)
    for number, deed in enumerate(stream):
        do(shop, engine, number, deed, later=NOW)
    pipeline.refresh(shop, engine, now=NOW)
    hold(shop, engine, root.parent / "beside", everything=True)


def test_forgetting_works_everything_out_and_news_go_on_from_there(
    begun: Workspace, engine: Engine, tmp_path: Path
) -> None:
    shutil.copytree(begun.root, tmp_path / "shop")
    shop = Workspace(tmp_path / "shop")
    bring(
        shop, [event("f1", "call", 390, ("email", "p2@x.org")), event("f2", "call", 391, ("email", "p3@x.org"))], engine
    )
    pipeline.refresh(shop, engine, now=NOW)
    before = Published.current(shop)
    pipeline.forget(shop, "email:p2@x.org", engine, now=NOW)
    assert Published.current(shop).run != before.run
    assert not list(shop.derived.glob(f"{before.run}*"))
    bring(shop, [event("f3", "call", 392, ("email", "p4@x.org"))], engine)
    after = pipeline.refresh(shop, engine, now=NOW)
    assert (after.n_new, after.whole) == (1, None)
    assert after.n_people == 1 + after.n_due  # whose promise fell due meanwhile is concerned as well
    hold(shop, engine, tmp_path / "beside")

from __future__ import annotations

import pyarrow as pa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from regard.blueprint import Blueprint, Handle
from regard.identity import normalised, spelled

BLUEPRINT = Blueprint("T", handles=(Handle("token", normal="exact"), Handle("tel", normal="phone")))
KINDS = ["email", "phone", "tel", "token", "customer"]
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], max_codepoint=0x3FF), max_size=12)
loose = st.tuples(st.sampled_from(KINDS), st.one_of(text, st.text("+-() 0123456789", max_size=12)))


@example(pairs=[("email", "İΣΑΣ"), ("customer", "\u00a0Ǆ ")])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(loose, min_size=1, max_size=30))
def test_the_engine_and_this_process_agree(engine, pairs):
    columns = {"kind": [kind for kind, _ in pairs], "value": [value for _, value in pairs]}
    given_ = engine.table(pa.table({**columns, "row": list(range(len(pairs)))}))
    found = engine.rows(given_.select("row", got=normalised(given_.kind, given_.value, BLUEPRINT)).order_by("row"))
    assert found["got"].to_pylist() == [spelled(kind, value, BLUEPRINT) for kind, value in pairs]

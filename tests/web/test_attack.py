"""The whole OpenAPI under attack: whatever is asked, nothing breaks, and nothing answers as is not documented.

A short run with every check; for a long one: REGARD_ATTACK=500 python -m pytest tests/web/test_attack.py
"""

from __future__ import annotations

import os
import shutil

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from regard.access import Keys
from regard.store import Store
from regard.web import create_app
from regard.workspace import Workspace

EACH = int(os.environ.get("REGARD_ATTACK", "8"))
READY = "/readyz"  # here no follower runs: its documented 503 is the right answer
LOOKED_AT = [not_a_server_error, status_code_conformance, content_type_conformance]


@pytest.fixture(scope="module")
def attacked(shop, clock, tmp_path_factory):
    """A sample of its own, since what is sent stays in it, and a key that may send."""
    mine = Workspace(tmp_path_factory.mktemp("attacked") / "shop")
    shutil.copytree(shop.root, mine.root)
    store = Store.open(mine)
    secret = Keys(store).create("attacker", scopes=("ingest", "hooks")).secret
    yield create_app(mine, clock=lambda: clock, store=store), secret
    store.close()


def test_nothing_breaks_and_nothing_answers_as_is_not_documented(attacked, serving):
    app, secret = attacked
    schema = schemathesis.openapi.from_dict(app.openapi())
    wrong, asked = [], 0
    with serving(app) as address:
        for found in schema.get_all_operations():
            operation = found.ok()
            try:
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    asked += _attack(operation, address, secret, mode)
            except BaseException as error:  # every operation is told, not the first only
                if isinstance(error, KeyboardInterrupt):
                    raise
                wrong.append(f"{operation.label}: {error}")
    assert asked > 500
    assert not wrong, "\n\n".join(one[:700] for one in wrong)


def _attack(operation, address, secret, mode):
    """Ask what the document allows, or what it does not; returns how often."""
    asked = 0
    looked_at = [one for one in LOOKED_AT if operation.path != READY or one is not not_a_server_error]
    sends = bool(operation.definition.raw.get("security"))
    headers = {"Authorization": f"Bearer {secret}"} if sends else {}

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EACH, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def one(case):
        nonlocal asked
        asked += 1
        case.call_and_validate(base_url=address, headers=headers, checks=looked_at)

    try:
        one()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing is forbidden of what has no parameters
    return asked

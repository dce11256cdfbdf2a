import ibis
import pytest

from regard.errors import TableError
from regard.tables import TABLES, table

RELIED_UPON = {
    "predictions": "feedback_id person_id at rating scale p_detractor p_passive p_promoter fitted_until",
    "scores": "person_id level at score low high scale calibrated",
    "contributions": "person_id level interaction_id at eta points",
    "flows": "source target n median_wait_s mean_wait_s",
    "variants": "variant n share",
    "promises": "promise_id person_id kind made_at due_at delivered_at promised_value delivered_value "
    "unit late_days outcome",
    "persons": "kind handle person_id",
    "value": "person_id p_alive expected_purchases expected_value_minor currency cost_to_serve_minor",
    "models": "model parameter value low high",
    "rejects": "file line reason",
}


@pytest.mark.parametrize("name", RELIED_UPON)
def test_columns_that_others_rely_on_are_there(name):
    assert set(RELIED_UPON[name].split()) <= set(table(name).names)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_well_formed(name):
    spec = table(name)
    assert len(set(spec.names)) == len(spec.names)
    assert set(spec.key) <= set(spec.names)
    assert all(column.says for column in spec.columns)
    assert ibis.schema({column.name: column.type for column in spec.columns})


@pytest.mark.parametrize("name", TABLES)
def test_names_carry_role_and_unit(name):
    for column in table(name).columns:
        kind = ibis.dtype(column.type)
        assert not (column.name.endswith("_at") and not kind.is_timestamp()), column
        assert not (column.name.endswith("_s") and not kind.is_floating()), column
        assert not (column.name.startswith("n_") and not kind.is_integer()), column
        assert not (column.name.startswith("p_") and not kind.is_floating()), column


def test_a_table_that_is_not_there_names_the_nearest():
    with pytest.raises(TableError, match="'scores'"):
        table("score")

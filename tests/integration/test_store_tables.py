"""The models are what `template.yaml` declares: the template is the truth."""

import pytest
from pynamodb.attributes import Attribute
from pynamodb.indexes import Index
from pynamodb.models import Model

from ringback.store import tables
from tests.deployment import table_properties


@pytest.fixture(autouse=True)
def _bound() -> None:
    tables.bind("test-")


def declared_keys(schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in schema}


def model_keys(of: type[Model] | type[Index[Model]]) -> dict[str, str]:
    found = {}
    for attribute in (each for each in vars(of).values() if isinstance(each, Attribute)):
        if attribute.is_hash_key:
            found["HASH"] = attribute.attr_name
        if attribute.is_range_key:
            found["RANGE"] = attribute.attr_name
    return found


def test_there_is_a_model_for_every_table_and_a_table_for_every_model() -> None:
    assert sorted(table_properties("test")) == sorted(model.Meta.table_name for model in tables.ALL)


@pytest.mark.parametrize("model", tables.ALL, ids=lambda model: model.__name__)
def test_keys_and_their_types_are_those_of_the_template(model: type[Model]) -> None:
    properties = table_properties("test")[model.Meta.table_name]
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}

    assert declared_keys(properties["KeySchema"]) == model_keys(model)
    assert types == {name: model.get_attributes()[name].attr_type for name in types}


@pytest.mark.parametrize("model", tables.ALL, ids=lambda model: model.__name__)
def test_indexes_are_those_of_the_template(model: type[Model]) -> None:
    properties = table_properties("test")[model.Meta.table_name]
    declared = {
        index["IndexName"]: (declared_keys(index["KeySchema"]), index["Projection"]["ProjectionType"])
        for index in properties.get("GlobalSecondaryIndexes", ())
    }
    ours = {
        name: (model_keys(type(index)), index.Meta.projection.projection_type)
        for name, index in getattr(model, "_indexes", {}).items()
    }

    assert declared == ours

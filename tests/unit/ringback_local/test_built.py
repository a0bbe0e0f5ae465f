"""What `make build` runs."""

from ringback_local import built, template


def test_every_function_has_a_sample_event() -> None:
    assert set(built.EVENTS) == set(template.functions(template.read()))
    assert [name for name in built.EVENTS.values() if not (template.ROOT / "events" / name).is_file()] == []

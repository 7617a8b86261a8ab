"""Settings: every mistake is named, secrets stay secret, the page tells the list."""

from __future__ import annotations

import pathlib
from dataclasses import fields

import pytest

from shared.errors import SetupError
from shared.settings import SETTINGS, Settings, documentation

URLS = {
    "ONDOL_DATABASE_URL": "postgresql://u:canary@h/d",
    "ONDOL_BROKER_URL": "redis://h:1",
    "ONDOL_CACHE_URL": "redis://h:2",
}


def test_the_list_and_the_class_say_the_same() -> None:
    assert {s.attribute: s.default for s in SETTINGS} == {f.name: getattr(Settings(), f.name) for f in fields(Settings)}


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SetupError) as caught:
        Settings.from_environment({"ONDOL_API_PORT": "99999", "ONDOL_WARM_AT": "25:00", "ONDOL_PORT": "1"})
    assert all(name in str(caught.value) for name in ("ONDOL_API_PORT", "ONDOL_WARM_AT", "ONDOL_PORT"))


def test_urls_come_all_together_or_not_at_all() -> None:
    with pytest.raises(SetupError, match="all three URLs or none"):
        Settings.from_environment({"ONDOL_DATABASE_URL": URLS["ONDOL_DATABASE_URL"]})
    assert Settings.from_environment(URLS).has_servers
    assert not Settings.from_environment({}).has_servers


def test_a_wrong_url_is_refused_without_being_printed() -> None:
    with pytest.raises(SetupError) as caught:
        Settings.from_environment(URLS | {"ONDOL_DATABASE_URL": "mysql://u:canary@h/d"})
    assert "canary" not in str(caught.value)
    assert "postgresql://" in str(caught.value)


def test_secrets_are_left_out_of_repr() -> None:
    assert "canary" not in repr(Settings.from_environment(URLS))


def test_a_secret_may_stand_in_a_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "url").write_text(URLS["ONDOL_DATABASE_URL"] + "\n", encoding="utf-8")
    others = {name: url for name, url in URLS.items() if name != "ONDOL_DATABASE_URL"}
    found = Settings.from_environment(others | {"ONDOL_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert found.database_url == URLS["ONDOL_DATABASE_URL"]
    with pytest.raises(SetupError, match="ONDOL_DATABASE_URL_FILE"):
        Settings.from_environment(others | {"ONDOL_DATABASE_URL_FILE": str(tmp_path / "absent")})


def test_the_old_name_of_warming_still_works() -> None:
    assert not Settings.from_environment({"ENABLE_CACHE_WARMING": "false"}).warm_enabled


def test_sizes_carry_units() -> None:
    assert Settings.from_environment({"ONDOL_CACHE_BYTES": "64MiB"}).cache_bytes == 64 * 1024 * 1024
    assert Settings.from_environment({"ONDOL_CACHE_BYTES": "1g"}).cache_bytes == 1024**3


def test_another_process_reads_the_same_settings() -> None:
    found = Settings.from_environment(URLS | {"ONDOL_FACTORS": "per,roe", "ONDOL_WARM_ENABLED": "no"})
    assert Settings.from_environment(found.to_environment()) == found


def test_the_page_is_written_from_the_list() -> None:
    page = pathlib.Path(__file__).parents[3] / "docs" / "reference" / "settings.md"
    assert page.read_text(encoding="utf-8") == documentation()

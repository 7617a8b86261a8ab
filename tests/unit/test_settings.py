"""Settings: complete error messages, hidden secrets, aliases, and the generated page."""

from __future__ import annotations

import pathlib
import re

import pytest

from shared.errors import SetupError
from shared.settings import SETTINGS, Settings, deprecated_names
from shared.settings.page import documentation
from shared.settings.reading import read

URLS = {
    "ONDOL_DATABASE_URL": "postgresql://u:canary@h/d",
    "ONDOL_BROKER_URL": "redis://h:1",
    "ONDOL_CACHE_URL": "redis://h:2",
}


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(SetupError) as caught:
        Settings.from_environment({"ONDOL_API_PORT": "99999", "ONDOL_WARM_AT": "25:00", "ONDOL_PORT": "1"})
    assert all(name in str(caught.value) for name in ("ONDOL_API_PORT", "ONDOL_WARM_AT", "ONDOL_PORT"))


def test_urls_are_set_together_or_not_at_all() -> None:
    with pytest.raises(SetupError, match="all three URLs or none"):
        Settings.from_environment({"ONDOL_DATABASE_URL": URLS["ONDOL_DATABASE_URL"]})
    assert Settings.from_environment(URLS).has_servers
    assert not Settings.from_environment({}).has_servers


def test_invalid_url_is_rejected_without_printing_it() -> None:
    with pytest.raises(SetupError) as caught:
        Settings.from_environment(URLS | {"ONDOL_DATABASE_URL": "mysql://u:canary@h/d"})
    assert "canary" not in str(caught.value)
    assert "postgresql://" in str(caught.value)


def test_repr_omits_secrets() -> None:
    assert "canary" not in repr(Settings.from_environment(URLS))


def test_secret_is_read_from_a_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "url").write_text(URLS["ONDOL_DATABASE_URL"] + "\n", encoding="utf-8")
    others = {name: url for name, url in URLS.items() if name != "ONDOL_DATABASE_URL"}
    found = Settings.from_environment(others | {"ONDOL_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert found.database_url == URLS["ONDOL_DATABASE_URL"]
    with pytest.raises(SetupError, match="ONDOL_DATABASE_URL_FILE"):
        Settings.from_environment(others | {"ONDOL_DATABASE_URL_FILE": str(tmp_path / "absent")})


def test_alias_of_warm_enabled_is_read() -> None:
    assert not Settings.from_environment({"ENABLE_CACHE_WARMING": "false"}).warm_enabled


def test_former_names_are_read_and_reported() -> None:
    former = {s.former: s for s in SETTINGS if s.former is not None}
    environment = {name: str(s.default + 1) for name, s in former.items()}
    found = Settings.from_environment(environment)
    assert {name: getattr(found, s.attribute) for name, s in former.items()} == {
        name: s.default + 1 for name, s in former.items()
    }
    assert deprecated_names(environment) == {name: s.name for name, s in former.items()}


def test_two_names_with_different_values_are_rejected() -> None:
    with pytest.raises(SetupError, match="ONDOL_DATABASE_POOL_SIZE and ONDOL_POOL_SIZE"):
        Settings.from_environment({"ONDOL_POOL_SIZE": "4", "ONDOL_DATABASE_POOL_SIZE": "5"})
    same = {"ONDOL_POOL_SIZE": "4", "ONDOL_DATABASE_POOL_SIZE": "4"}
    assert Settings.from_environment(same).database_pool_size == 4


def test_sizes_have_units() -> None:
    assert Settings.from_environment({"ONDOL_CACHE_BYTES": "64MiB"}).cache_bytes == 64 * 1024 * 1024
    assert Settings.from_environment({"ONDOL_CACHE_BYTES": "1g"}).cache_bytes == 1024**3


def test_to_environment_round_trips() -> None:
    found = Settings.from_environment(URLS | {"ONDOL_FACTORS": "per,roe", "ONDOL_WARM_ENABLED": "no"})
    assert Settings.from_environment(found.to_environment()) == found


def test_page_matches_the_declarations() -> None:
    page = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
    assert page.read_text(encoding="utf-8") == documentation()


def test_key_file_that_others_can_read_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    path.write_text("canary\n", encoding="utf-8")
    path.chmod(0o640)
    with pytest.raises(SetupError, match="chmod 600") as caught:
        Settings.from_environment({"ONDOL_KRX_KEY_FILE": str(path)})
    assert "canary" not in str(caught.value)
    path.chmod(0o600)
    found = Settings.from_environment({"ONDOL_KRX_KEY_FILE": str(path)})
    assert found.krx_key == "canary"
    assert "canary" not in repr(found)


def test_source_urls_must_not_send_keys_unencrypted() -> None:
    for url in ("http://example.com/api", "ftp://127.0.0.1", "https://", "nonsense"):
        with pytest.raises(SetupError, match="ONDOL_KRX_URL"):
            Settings.from_environment({"ONDOL_KRX_URL": url})
    assert Settings.from_environment({"ONDOL_KRX_URL": "http://127.0.0.1:1/x/"}).krx_url == "http://127.0.0.1:1/x"


def test_variables_that_pages_and_files_name_are_accepted() -> None:
    root = pathlib.Path(__file__).resolve().parents[2]
    texts = [*root.glob("*.md"), root / "compose.yaml", *(root / "docs").rglob("*.md"), *(root / "ops").rglob("*.yaml")]
    named = {
        name
        for path in texts
        if path.name != "CHANGELOG.md" and path.parent.name != "adr"
        for name in re.findall(r"\bONDOL_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    mistakes = read(SETTINGS, dict.fromkeys(named, "1"))[1]
    examples = {"ONDOL_QUERY_TIMEOUT_MS", "ONDOL_OLD_NAME"}  # of the page about adding a setting
    absent = {mistake.partition(":")[0] for mistake in mistakes if "no such setting" in mistake}
    assert absent == examples

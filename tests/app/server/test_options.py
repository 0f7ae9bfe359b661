import tomllib

import pytest
from streamlit import config

from app.server.options import (
    CONFIG_FILE,
    SAFE_OPTIONS,
    allowed_hosts,
    config_toml,
    is_loopback,
    launch_options,
)
from app.server.theme import theme_options
from app.streamlit_internals import without_config_files


def flat(table, prefix=""):
    result = {}
    for name, value in table.items():
        if isinstance(value, dict) and f"{prefix}{name}" not in config._config_options_template:
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = value
    return result


def test_every_option_is_one_that_streamlit_knows():
    unknown = set(launch_options("127.0.0.1", 0)) - set(config._config_options_template)
    assert unknown == set()


def test_the_file_for_streamlit_run_holds_the_same_safety_and_theme():
    assert CONFIG_FILE.read_text(encoding="utf-8") == config_toml(), "run `python -m app.server.options`"
    assert flat(tomllib.loads(config_toml())) == {**SAFE_OPTIONS, **theme_options()}


def test_no_option_is_lost_as_unset():
    # Streamlit drops None and () from what the launcher passes, and would fall back to a file's value.
    assert [name for name, value in launch_options("127.0.0.1", 0).items() if value is None or value == ()] == []


def test_config_and_secrets_files_are_out_of_sight_only_inside():
    before = config.get_config_files("secrets.toml")
    with without_config_files():
        assert config.get_config_files("config.toml") == config.get_config_files("secrets.toml") == []
    assert config.get_config_files("secrets.toml") == before != []


@pytest.mark.parametrize(
    ("host", "server_address", "expected"),
    [
        ("127.0.0.1", "", {"127.0.0.1", "localhost", "::1"}),
        ("127.0.0.1", "lens.example.org", {"127.0.0.1", "localhost", "::1", "lens.example.org"}),
        ("0.0.0.0", "", set()),
        ("192.0.2.1", "a.example", {"127.0.0.1", "localhost", "::1", "192.0.2.1", "a.example"}),
    ],
)
def test_a_local_server_answers_only_to_its_own_names(host, server_address, expected):
    assert set(allowed_hosts(host, server_address)) == expected


def test_the_public_name_and_path_reach_streamlit():
    options = launch_options("0.0.0.0", 80, server_address="lens.example.org", base_path="tools")
    assert options["browser.serverAddress"] == "lens.example.org"
    assert options["server.baseUrlPath"] == "tools"
    assert options["server.address"] == "0.0.0.0"


def test_loopback_addresses_are_told_from_others():
    assert is_loopback("127.0.0.1")
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("192.168.1.27")


def test_a_frame_on_another_site_gets_its_cookie():
    assert launch_options("0.0.0.0", 80)["server.xsrfCookieSameSite"] == "lax"
    assert launch_options("0.0.0.0", 80, framed=True)["server.xsrfCookieSameSite"] == "none"

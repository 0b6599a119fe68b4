"""The tables of issuers and certificates, as an operator writes them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ordertrail_server.access.identity.config import ConfigInvalid, parse_certificates, parse_issuers
from ordertrail_server.access.identity.issuer_config import CertificateConfig, IssuerConfig

ISSUER = """
issuer = "https://login.example/"
audience = "orders"
jwks_file = "/etc/ordertrail/keys.json"
algorithms = ["ES256"]
"""
URL = 'jwks_url = "https://login.example/keys"'


def parse(table: str) -> IssuerConfig:
    [config] = parse_issuers(tomllib.loads(f"[[issuers]]\n{table}")["issuers"])
    return config


def edit(remove: str = "", add: str = "") -> str:
    """Return the table of an issuer without one key, and with further lines."""
    lines = [line for line in ISSUER.splitlines() if not remove or not line.startswith(f"{remove} ")]
    return "\n".join([*lines, add])


def test_issuer_has_defaults() -> None:
    assert parse(ISSUER) == IssuerConfig(
        issuer="https://login.example/",
        audiences=("orders",),
        algorithms=("ES256",),
        jwks_file=Path("/etc/ordertrail/keys.json"),
    )


def test_issuer_with_a_url_has_all_settings() -> None:
    config = parse(
        """
        issuer = "https://login.example/"
        audience = ["orders", "all"]
        jwks_url = "https://login.example/keys"
        ca_file = "ca.pem"
        algorithms = ["RS256", "EdDSA"]
        name_claim = "client_id"
        name_prefix = "login:"
        require_nbf = false
        leeway_seconds = 0
        max_lifetime_seconds = 3600
        refresh_seconds = 60
        cool_down_seconds = 5.5
        """
    )
    assert (config.audiences, config.algorithms) == (("orders", "all"), ("RS256", "EdDSA"))
    assert (config.jwks_url, config.jwks_file, config.ca_file) == ("https://login.example/keys", None, Path("ca.pem"))
    assert (config.name_claim, config.name_prefix) == ("client_id", "login:")
    assert (config.leeway_seconds, config.max_lifetime_seconds) == (0, 3600)
    assert not config.require_nbf
    assert (config.refresh_seconds, config.cool_down_seconds) == (60, 5.5)


def test_hmac_is_accepted_if_it_is_allowed() -> None:
    assert parse(edit("algorithms", 'algorithms = ["HS256"]\nallow_hmac = true')).algorithms == ("HS256",)


@pytest.mark.parametrize("url", ["http://localhost:8080/keys", "http://127.0.0.1/keys", "http://[::1]:1/keys"])
def test_keys_may_be_fetched_from_this_machine_without_tls(url: str) -> None:
    assert parse(edit("jwks_file", f'jwks_url = "{url}"')).jwks_url == url


def test_there_may_be_no_issuers_and_no_certificates() -> None:
    assert (parse_issuers(None), parse_issuers([]), parse_certificates(None)) == ((), (), None)


@pytest.mark.parametrize(
    ("remove", "add", "text"),
    [
        ("issuer", "", "issuers[0].issuer is missing"),
        ("issuer", 'issuer = ""', "issuers[0].issuer must be a text"),
        ("issuer", "issuer = 3", "issuers[0].issuer must be a text"),
        ("issuer", 'issuer = "certificate"', "issuers[0].issuer must not be"),
        ("audience", "", "issuers[0].audience must be a list"),
        ("audience", "audience = []", "issuers[0].audience must be a list"),
        ("audience", 'audience = ""', "issuers[0].audience must be a list"),
        ("audience", 'audience = ["a", 3]', "issuers[0].audience must be a list"),
        ("audience", 'audience = ["a", "a"]', "different texts"),
        ("algorithms", "", "issuers[0].algorithms must be a list"),
        ("algorithms", "algorithms = []", "issuers[0].algorithms must be a list"),
        ("algorithms", 'algorithms = "ES256"', "issuers[0].algorithms must be a list"),
        ("algorithms", 'algorithms = ["none"]', "issuers[0].algorithms may have ES256"),
        ("algorithms", 'algorithms = ["es256"]', "issuers[0].algorithms may have ES256"),
        ("algorithms", 'algorithms = ["HS256"]', "allow_hmac = true"),
        ("algorithms", 'algorithms = ["HS256", "ES256"]\nallow_hmac = true', "must not mix HMAC"),
        ("algorithms", 'algorithms = ["HS256"]\nallow_hmac = "yes"', "allow_hmac must be true or false"),
        ("jwks_file", "", "exactly one of them"),
        ("", URL, "exactly one of them"),
        ("jwks_file", 'jwks_url = "http://login.example/keys"', "must begin with https://"),
        ("jwks_file", 'jwks_url = "file:///etc/keys"', "must be a URL with a host"),
        ("jwks_file", 'jwks_url = "ftp://login.example/keys"', "must begin with https://"),
        ("jwks_file", 'jwks_url = "https://user:word@login.example/keys"', "without user"),
        ("jwks_file", 'jwks_url = "https://login.example/keys#a"', "without user, fragment"),
        ("jwks_file", 'jwks_url = "https://login.example:0/keys"', "must be a URL with a host"),
        ("jwks_file", 'jwks_url = "https://login.example:99999/keys"', "is not a URL"),
        ("jwks_file", 'jwks_url = "https://[::1/keys"', "is not a URL"),
        ("jwks_file", 'jwks_url = "http://localhost.example/keys"', "must begin with https://"),
        ("", "leeway_seconds = 301", "issuers[0].leeway_seconds must be a number of seconds from 0 to 300"),
        ("", "leeway_seconds = -1", "issuers[0].leeway_seconds must be"),
        ("", "leeway_seconds = nan", "issuers[0].leeway_seconds must be"),
        ("", "leeway_seconds = true", "issuers[0].leeway_seconds must be"),
        ("", "max_lifetime_seconds = 0", "issuers[0].max_lifetime_seconds must be"),
        ("", "refresh_seconds = 60", "issuers[0].refresh_seconds is not a known key"),
        ("", 'ca_file = "ca.pem"', "issuers[0].ca_file is not a known key"),
        ("jwks_file", f"{URL}\nrefresh_seconds = 0", "issuers[0].refresh_seconds must be"),
        ("jwks_file", f"{URL}\ncool_down_seconds = 0.5", "issuers[0].cool_down_seconds must be"),
        ("jwks_file", f"{URL}\ncool_down_seconds = 60\nrefresh_seconds = 30", "must not be less than cool_down"),
        ("", "require_nbf = 0", "issuers[0].require_nbf must be true or false"),
        ("", 'name_claim = ""', "issuers[0].name_claim must be a text"),
        ("", f'name_prefix = "{"x" * 129}"', "issuers[0].name_prefix must have at most 128"),
        ("", 'audiance = "orders"', "issuers[0].audiance is not a known key"),
    ],
)
def test_invalid_issuer_is_refused_with_the_path_of_its_key(remove: str, add: str, text: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse(edit(remove, add))
    assert text in str(caught.value)


@pytest.mark.parametrize("tables", [{}, "text", ["text"], [None], [[]], [{}], [{"issuer": "a"}] * 101])
def test_value_that_is_no_array_of_tables_is_refused(tables: Any) -> None:
    with pytest.raises(ConfigInvalid, match="issuers"):
        parse_issuers(tables)


def test_two_tables_of_one_issuer_are_refused() -> None:
    tables = tomllib.loads(f"[[issuers]]{ISSUER}\n[[issuers]]{ISSUER}")["issuers"]
    with pytest.raises(ConfigInvalid, match=r"issuers\[1\].issuer is that of issuers\[0\]"):
        parse_issuers(tables)


def test_certificates_have_a_field_that_names_the_caller() -> None:
    assert parse_certificates({}) == CertificateConfig("subject")
    assert parse_certificates({"name": "uri"}) == CertificateConfig("uri")


@pytest.mark.parametrize("table", [[], "uri", {"name": "serial"}, {"name": 3}, {"name": ""}, {"field": "uri"}])
def test_invalid_table_of_certificates_is_refused(table: Any) -> None:
    with pytest.raises(ConfigInvalid, match="certificates"):
        parse_certificates(table)

"""The page on identities: its tables agree with the code, and its example makes a token that a server accepts."""

import subprocess
import sys
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

import pytest
from tests.docs.pages import ROOT, command_lines, read_blocks, read_table

from ordertrail_server.access.identity import bearer_token, key_fetch, key_url, token_cache, trusted_keys
from ordertrail_server.access.identity.algorithm import ALGORITHMS
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.access.identity.config import parse_certificates, parse_issuers
from ordertrail_server.access.identity.failure_allowance import PER_SECOND
from ordertrail_server.access.identity.issuer_config import CertificateField, IssuerConfig

PAGE = ROOT / "docs" / "identity.md"
FIRST, EXAMPLE = (tomllib.loads(block) for block in read_blocks(PAGE, "toml"))


def test_first_example_is_valid() -> None:
    [config] = parse_issuers(FIRST["issuers"])
    assert config.jwks_url == "https://login.example/.well-known/jwks.json"
    certificates = parse_certificates(FIRST["certificates"])
    assert certificates is not None
    assert certificates.name_field == "dns"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token that the example makes, in a folder with its keys."""
    monkeypatch.chdir(tmp_path)
    [create_key] = command_lines(PAGE, "openssl")
    subprocess.run(create_key.split(), check=True, capture_output=True)
    [program] = [block for block in read_blocks(PAGE, "python") if "issuer.key" in block]
    subprocess.run([sys.executable, "-c", program], check=True)
    return Path("token").read_text()


async def test_example_makes_a_token_that_the_server_accepts(token: str) -> None:
    authenticator = Authenticator(parse_issuers(EXAMPLE["issuers"]), None)
    identity = await authenticator.identify(f"Bearer {token}", None)
    assert (identity.name, identity.issuer) == ("till-3", "https://issuer.test")


def test_table_of_keys_agrees_with_the_configuration() -> None:
    rows = {row[0]: row[1] for row in read_table(PAGE, "key")}
    defaults = {field.name: field.default for field in fields(IssuerConfig)}
    defaults["audience"] = defaults.pop("audiences")
    assert rows.keys() == defaults.keys() | {"allow_hmac"}
    for name, default in defaults.items():
        if default is MISSING:
            assert rows[name] == "required"
        elif isinstance(default, bool):
            assert rows[name] == str(default).lower()
        elif isinstance(default, float):
            assert float(rows[name]) == default
        elif default:
            assert rows[name] == default


def test_page_names_all_algorithms_and_fields_of_certificates() -> None:
    text = PAGE.read_text()
    assert [name for name in (*ALGORITHMS, *get_args(CertificateField)) if f"`{name}`" not in text] == []


def test_limits_of_the_page_agree_with_the_code() -> None:
    text = " ".join(PAGE.read_text().split())
    for limit in (
        f"at most {bearer_token.MAX_BYTES // 1024} KiB",
        f"at most {key_fetch.FETCH_SECONDS:g} seconds and {trusted_keys.MAX_BYTES // 1024} KiB",
        f"waits for at most {key_url.CALL_SECONDS:g} seconds",
        f"at most {token_cache.MAX_TOKENS:,} and {token_cache.MAX_BYTES // 2**20} MiB",
        f"After {PER_SECOND:,} refused verifications",
    ):
        assert limit in text

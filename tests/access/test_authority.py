"""A policy file is read again after each change, and never while it is being written."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from tests.access.identity.authenticators import catch_refusal
from tests.access.identity.issuer import AUDIENCE, ISSUER, build_set, shared_key
from tests.access.identity.jwks_server import run_jwks_server

from ordertrail_server.access.authority import Authority
from ordertrail_server.access.identity import key_url
from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.permission import READ

TILL = Identity("till-1", "certificate", {"dns": ("till-1",)})
BEGINNING = '[certificates]\n[[grants]]\nmay = ["read"]\ncustomers = "all"\n[grants.to]\nissuer = "certificate"\n'
END = 'names = ["auditor"]\n'
PIECES = 40


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(BEGINNING + END)
    return path


@pytest.fixture
async def authority(policy: Path) -> AsyncIterator[Authority]:
    authority = Authority(policy)
    running = asyncio.create_task(authority.run())
    yield authority
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def write(path: Path, text: str) -> None:
    path.write_text(text)


async def wait_until_granted(authority: Authority) -> None:
    async with asyncio.timeout(20):
        while READ not in authority.rights_of(TILL).scopes:  # noqa: ASYNC110 (the authority polls the file)
            await asyncio.sleep(0.05)


async def test_part_of_a_file_that_is_being_written_grants_nothing(authority: Authority, policy: Path) -> None:
    with policy.open("w") as file:
        file.write(BEGINNING)
        for _ in range(PIECES):
            file.write("# one more line\n")
            file.flush()
            await asyncio.sleep(0.05)
            assert READ not in authority.rights_of(TILL).scopes
        file.write(END)
    write(policy, BEGINNING)
    await wait_until_granted(authority)


async def test_link_to_another_file_is_a_change(authority: Authority, policy: Path, tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text(BEGINNING)
    link = tmp_path / "link"
    link.symlink_to("new.toml")
    link.replace(policy)  # as Kubernetes replaces the files of a ConfigMap
    await wait_until_granted(authority)


async def test_file_that_cannot_be_parsed_leaves_the_last_policy(authority: Authority, policy: Path) -> None:
    write(policy, f"x = {'[' * 9_999}")
    async with asyncio.timeout(20):
        while not authority.faults:  # noqa: ASYNC110 (the authority polls the file)
            await asyncio.sleep(0.05)
    write(policy, BEGINNING)
    await wait_until_granted(authority)
    assert not authority.faults


async def test_identity_that_is_verified_while_its_issuer_is_removed_does_not_count(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_url, "CALL_SECONDS", 60.0)
    is_replaced = asyncio.Event()

    async def answer_late(_: web.BaseRequest) -> web.Response:
        await is_replaced.wait()
        return web.Response(body=build_set(shared_key("ES256")))

    async with run_jwks_server() as issuer:
        issuer.answer = answer_late
        table = f'issuer = "{ISSUER}"\naudience = "{AUDIENCE}"\nalgorithms = ["ES256"]\njwks_url = "{issuer.url}"\n'
        (tmp_path / "trusting.toml").write_text(f"[[issuers]]\n{table}{BEGINNING}{END}")
        (tmp_path / "trusting.toml").replace(policy)
        authority = Authority(policy)
        running = asyncio.create_task(authority.run())
        call = asyncio.create_task(authority.identify(shared_key("ES256").bearer(), {}))
        await issuer.wait_for(1)
        (tmp_path / "new.toml").write_text(BEGINNING)
        (tmp_path / "new.toml").replace(policy)
        await wait_until_granted(authority)
        assert not call.done()
        is_replaced.set()
        assert "accepts no tokens" in await catch_refusal(call)
        running.cancel()
        await asyncio.wait([running])


async def test_pipe_in_place_of_the_file_is_a_fault_and_a_later_file_is_read(
    authority: Authority, policy: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe").replace(policy)
    async with asyncio.timeout(20):
        while not authority.faults:  # noqa: ASYNC110 (the authority polls the file)
            await asyncio.sleep(0.05)
    (tmp_path / "new.toml").write_text(BEGINNING)
    (tmp_path / "new.toml").replace(policy)
    await wait_until_granted(authority)

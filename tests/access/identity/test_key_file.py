"""Keys in a file that the operator replaces."""

import asyncio
from pathlib import Path

import pytest
from tests.access.identity.authenticators import catch_refusal, trust
from tests.access.identity.issuer import SigningKey, build_config, build_set

from ordertrail_server.access.identity import key_file
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.access.identity.key_file import KeyFile
from ordertrail_server.access.identity.trusted_keys import KeysUnusable

OLD, NEW = SigningKey(key_id="old"), SigningKey(key_id="new")


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"keys": []}', build_set(SigningKey("EdDSA"))])
def test_file_that_cannot_be_used_at_the_start_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KeysUnusable) as caught:
        Authenticator([build_config(jwks_file=file)], None)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"{}", build_set(OLD)[:-9], build_set(OLD, OLD)])
def test_bad_replacement_keeps_the_last_keys_and_is_a_fault(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(build_set(OLD))
    source = KeyFile(build_config(jwks_file=file), file)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    for _ in range(2):
        source.reload()
        assert source.find("old") is not None
        assert str(file) in source.fault
    file.write_bytes(build_set(NEW))
    source.reload()
    assert (source.find("old"), source.fault) == (None, "")
    assert source.find("new") is not None


async def test_running_authenticator_takes_up_a_replaced_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_file, "CHECK_SECONDS", 0.01)
    authenticator = trust(tmp_path, OLD)
    identity = await authenticator.identify(OLD.bearer(), None)
    task = asyncio.create_task(authenticator.run())
    (tmp_path / "keys.json").write_bytes(build_set(NEW))
    async with asyncio.timeout(10):
        while authenticator.still_valid(identity):  # noqa: ASYNC110 (the file is read periodically)
            await asyncio.sleep(0.01)
    assert "names a key" in await catch_refusal(authenticator.identify(OLD.bearer(), None))
    assert (await authenticator.identify(NEW.bearer(), None)).name == "shop-1"
    task.cancel()
    await asyncio.wait([task])

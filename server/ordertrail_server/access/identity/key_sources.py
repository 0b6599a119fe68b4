"""The key sources of all issuers."""

from collections.abc import Callable, Mapping, Sequence

from ordertrail_server.access.identity.issuer_config import IssuerConfig
from ordertrail_server.access.identity.key_file import KeyFile
from ordertrail_server.access.identity.key_source import KeySource
from ordertrail_server.access.identity.key_url import KeyUrl

KeySources = Mapping[str, KeySource]


def open_key_sources(
    configs: Sequence[IssuerConfig], elapsed: Callable[[], float], previous: KeySources
) -> dict[str, KeySource]:
    """Return the source of each issuer by its name: the previous one if its configuration is the same.

    Blocks while it reads files. Raises KeysUnusable.
    """
    sources: dict[str, KeySource] = {}
    for config in configs:
        source = previous.get(config.issuer)
        is_same = source is not None and source.config == config
        sources[config.issuer] = source if source is not None and is_same else _open(config, elapsed)
    return sources


def _open(config: IssuerConfig, elapsed: Callable[[], float]) -> KeySource:
    if config.jwks_url is not None:
        return KeyUrl(config, config.jwks_url, elapsed)
    if config.jwks_file is None:
        raise ValueError("an issuer needs a file or URL of keys")
    return KeyFile(config, config.jwks_file)

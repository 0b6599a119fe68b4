"""Callers of a server with a policy: one for each kind of grant."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.access.identity.issuer import AUDIENCE, ISSUER, build_set, shared_key

POLICY: Final = f"""
[[issuers]]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
algorithms = ["ES256"]
jwks_file = "KEYS"
leeway_seconds = 0

[[grants]]
to = "anyone"
may = ["health"]

[[grants]]
to = {{ names = ["acme clerk", "globex clerk"] }}
may = ["read", "write", "import", "submit", "subscribe", "operate", "reflect"]
customers_claim = "shop"

[[grants]]
to = {{ claims = {{ "team.role" = "regional" }} }}
may = ["read", "write", "import", "submit", "subscribe", "operate"]
customer_prefixes = ["acme"]

[[grants]]
to = {{ names = ["acme reader"] }}
may = ["read"]
customers = ["acme"]

[[grants]]
to = {{ names = ["auditor"] }}
may = ["read", "write", "import", "submit", "subscribe", "operate", "reflect"]
customers = "all"
act_for_others = true
"""

CLAIMS: Final[Mapping[str, dict[str, Any]]] = {
    "acme clerk": {"shop": "acme"},
    "globex clerk": {"shop": ["globex", "initech"]},
    "acme region": {"team": {"role": ["regional", "other"]}},
    "acme reader": {},
    "auditor": {},
    "stranger": {"shop": "acme", "role": "regional"},
}
"""{name of a caller: the claims of its token beside the registered ones}."""

Metadata = tuple[tuple[str, str], ...]


def write_policy(folder: Path, policy: str = POLICY) -> Path:
    """Write a policy file and the keys of its issuer; return the policy's path."""
    keys = folder / "keys.json"
    keys.write_bytes(build_set(shared_key("ES256")))
    path = folder / "policy.toml"
    path.write_text(policy.replace('"KEYS"', json.dumps(str(keys))))
    return path


def metadata_of(name: str, **claims: Any) -> Metadata:
    """Return the metadata of a caller; of the anonymous one, whose name is empty, nothing."""
    if not name:
        return ()
    return (("authorization", shared_key("ES256").bearer(sub=name, **CLAIMS.get(name, {}), **claims)),)

"""Mutations of good tokens: none of the results was signed by the issuer."""

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.access.identity.issuer import SigningKey, build_claims, encode_part, sign_with_public_key

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
JUNK = ("=", " ", "\n", "\0", ".", "+", "/", "é", "\u202e", "%41", "\udc80")
NO_ALGORITHMS: tuple[Any, ...] = ("none", "None", "NONE", "", "X", None, 7, [], {})
ALGORITHMS = ("HS256", "HS512", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", *NO_ALGORITHMS)
Mutation = Callable[["Mutator", str], str]


class Trust(NamedTuple):
    """The keys that the server trusts, and keys of the same ids that it does not."""

    keys: list[SigningKey]
    strangers: list[SigningKey]


class Mutator:
    """Changes tokens at random, with a seed."""

    def __init__(self, trust: Trust, seed: int) -> None:
        self.random, self._trust = Random(seed), trust
        # Their claims differ: two signatures of equal claims may be exchanged.
        self._tokens = [self._sign(f"shop-{number}") for number in range(20)]

    def mutate(self) -> tuple[str, str]:
        """Return the name of a mutation and its result, which differs from every good token."""
        name = self.random.choice(list(MUTATIONS))
        while (token := MUTATIONS[name](self, self.random.choice(self._tokens))) in self._tokens:
            pass
        return name, token

    def choose_token(self) -> str:
        return self.random.choice(self._tokens)

    def choose_stranger(self) -> SigningKey:
        return self.random.choice(self._trust.strangers)

    def choose_key(self) -> SigningKey:
        return self.random.choice(self._trust.keys)

    def _sign(self, name: str) -> str:
        return self.choose_key().sign(build_claims(sub=name))


def replace_character(mutator: Mutator, token: str) -> str:
    position = mutator.random.randrange(len(token))
    return token[:position] + mutator.random.choice(ALPHABET) + token[position + 1 :]


def flip_bit(mutator: Mutator, token: str) -> str:
    parts = split(token)
    index = mutator.random.randrange(3)
    content = bytearray(decode(parts[index]))
    content[mutator.random.randrange(len(content))] ^= 1 << mutator.random.randrange(8)
    return ".".join([*parts[:index], encode_part(bytes(content)), *parts[index + 1 :]])


def insert_junk(mutator: Mutator, token: str) -> str:
    position = mutator.random.randrange(len(token) + 1)
    return token[:position] + mutator.random.choice(JUNK) + token[position:]


def truncate(mutator: Mutator, token: str) -> str:
    first, last = sorted(mutator.random.sample(range(len(token) + 1), 2))
    return token[first:last]


def swap_parts(mutator: Mutator, token: str) -> str:
    parts = split(token) + split(mutator.choose_token())
    return ".".join(mutator.random.sample(parts, mutator.random.choice((2, 3, 3, 3, 4))))


def transplant_part(mutator: Mutator, token: str) -> str:
    parts, index = split(token), mutator.random.randrange(3)
    return ".".join([*parts[:index], split(mutator.choose_token())[index], *parts[index + 1 :]])


def edit_header(mutator: Mutator, token: str) -> str:
    header, payload, signature = split(token)
    values = json.loads(decode(header))
    key = mutator.random.choice(("alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c"))
    values[key] = mutator.random.choice((*ALGORITHMS, mutator.choose_stranger().publish(), True, False, ["b64"]))
    return ".".join([encode_part(json.dumps(values).encode()), payload, signature])


def edit_claim(mutator: Mutator, token: str) -> str:
    header, payload, signature = split(token)
    values = json.loads(decode(payload))
    values[mutator.random.choice(("sub", "exp", "nbf", "aud", "iss"))] = mutator.random.choice(
        ("admin", 2**40, 0, None)
    )
    return ".".join([header, encode_part(json.dumps(values).encode()), signature])


def sign_with_stranger(mutator: Mutator, _: str) -> str:
    stranger = mutator.choose_stranger()
    offered = mutator.random.choice(({}, {"jwk": stranger.publish()}))
    return stranger.sign(build_claims(sub="admin"), kid=mutator.choose_key().key_id, **offered)


def confuse_algorithm(mutator: Mutator, _: str) -> str:
    return mutator.random.choice(sign_with_public_key(mutator.choose_key()))


def sign_bad_claims(mutator: Mutator, _: str) -> str:
    """Let the issuer itself sign what the server must not accept."""
    bad: tuple[dict[str, Any], ...] = (
        {mutator.random.choice(("exp", "nbf", "aud", "iss", "sub")): None},
        {"exp": mutator.random.randrange(2**30)},
        {"nbf": 2**33 + mutator.random.randrange(2**30)},
        {"aud": mutator.random.choice(("order", "Orders", "orders ", ["x"]))},
        {"iss": mutator.random.choice(("https://issuer.example/", "HTTPS://issuer.example", ""))},
    )
    return mutator.choose_key().sign(build_claims(**mutator.random.choice(bad)))


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        replace_character,
        flip_bit,
        insert_junk,
        truncate,
        swap_parts,
        transplant_part,
        edit_header,
        edit_claim,
        sign_with_stranger,
        confuse_algorithm,
        sign_bad_claims,
    )
}


def split(token: str) -> list[str]:
    return token.split(".")


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "==")

"""Which addresses a webhook may connect to."""

import pytest

from ordertrail_server.webhooks.address_policy import AddressPolicy, parse_networks

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.10",
    "192.88.99.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "2002:808:808::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%1",
    "fec0::1",
    "ff02::1",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    assert AddressPolicy().find_refusal("https", address, 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111"])
def test_public_address_is_allowed_with_tls_only(address: str) -> None:
    assert not AddressPolicy().find_refusal("https", address, 443)
    assert "without TLS" in AddressPolicy().find_refusal("http", address, 80)


@pytest.mark.parametrize(("port", "is_allowed"), [(443, True), (22, False), (80, False), (1023, False), (8443, True)])
def test_public_address_has_no_ports_of_other_services(port: int, is_allowed: bool) -> None:
    assert AddressPolicy().find_refusal("https", "8.8.8.8", port) == "" or not is_allowed
    assert bool(AddressPolicy().find_refusal("https", "8.8.8.8", port)) != is_allowed


def test_allowed_network_is_reached_in_every_way_that_leads_there() -> None:
    policy = AddressPolicy(parse_networks("10.0.0.0/8, ::1"))
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "::1"):
        assert not policy.find_refusal("http", address, 25)
    assert policy.find_refusal("https", "127.0.0.1", 443)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "shop.example", ","])
def test_text_that_is_not_a_list_of_networks_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of the standard library)
        parse_networks(text)

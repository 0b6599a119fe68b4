"""Which URLs a webhook may have."""

from ipaddress import ip_address

import pytest

from ordertrail_server.orders.refusal import Refused
from ordertrail_server.webhooks.address_policy import AddressPolicy, parse_networks
from ordertrail_server.webhooks.url import UrlRefused, parse_url
from ordertrail_server.webhooks.webhook_config import require_url


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://shop.example", "shop.example", 443),
        ("https://shop.example:8443/orders?key=a%20b&x=/", "shop.example", 8443),
        ("http://shop.example/", "shop.example", 80),
        ("https://a_b.shop.example./x", "a_b.shop.example.", 443),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ("https://203.0.113.7/", "203.0.113.7", 443),
        ("https://[2001:db8::1]:444/", "2001:db8::1", 444),
    ],
)
def test_usual_url_is_read(url: str, host: str, port: int) -> None:
    parts = parse_url(url)
    assert (parts.host, parts.port) == (host, port)


def test_address_in_url_is_recognized() -> None:
    assert parse_url("https://[::1]/").address == ip_address("::1")
    assert parse_url("https://shop.example/").address is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "ftp://shop.example/",
        "HTTPS//shop.example",
        "https:///orders",
        "https://user@shop.example/",
        "https://user:password@shop.example/",
        "https://shop.example@169.254.169.254/",
        "https://shop.example\\@169.254.169.254/",
        "https://shop.example#@169.254.169.254/",
        "https://shop.example/#fragment",
        "https://shop.example/a b",
        "https://shop.example/\n",
        "https://shop.example/ä",
        "https://bücher.example/",
        "https://shop.example:0/",
        "https://shop.example:65536/",
        "https://shop.example:/",
        "https://shop..example/",
        "https://-shop.example/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://[1.2.3.4]:443:443/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://1.2.3.4.5/",
        "https://1.2.3.0x4/",
        f"https://shop.example/{'x' * 2048}",
    ],
)
def test_unusual_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://shop.example/", ""),
        ("https://8.8.8.8/", ""),
        ("https://10.1.2.3:80/", "10.0.0.0/8"),
        ("http://10.1.2.3:80/", "10.0.0.0/8"),
        ("http://intern.example/", "10.0.0.0/8"),
    ],
)
def test_url_within_the_policy_is_allowed(url: str, allowed: str) -> None:
    require_url(AddressPolicy(parse_networks(allowed)), url)


@pytest.mark.parametrize(
    ("url", "allowed", "reason"),
    [
        ("http://shop.example/", "", "https://"),
        ("http://8.8.8.8/", "10.0.0.0/8", "without TLS"),
        ("https://127.0.0.1/", "10.0.0.0/8", "private address"),
        ("https://[::ffff:10.0.0.1]/", "", "private address"),
        ("https://8.8.8.8:25/", "", "port 25"),
    ],
)
def test_url_outside_the_policy_is_refused_with_its_reason(url: str, allowed: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        require_url(AddressPolicy(parse_networks(allowed)), url)

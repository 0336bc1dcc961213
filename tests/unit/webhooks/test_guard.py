"""What no webhook may reach: by address, by the form of a URL, and whatever a name resolves to."""

import socket
from ipaddress import ip_address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from streams.webhooks.guard import AddressRefused, Guard, GuardedResolver, UrlRefused, is_public

DEFAULT = Guard(allow_http=False, ports=[443], networks=[])

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible, abandoned
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a9fe:a9fe",  # NAT64 of 169.254.169.254
    "64:ff9b:1::1",  # NAT64 within a network
    "100::1",  # discard
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",  # 6to4 of 10.0.0.1
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
    "2606:4700:4700::1111",
    "2400:3200::1",
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_addresses_that_are_not_of_the_internet(text: str) -> None:
    """Refused by default, as a literal and as what a socket would be connected to."""
    assert not is_public(ip_address(text))
    with pytest.raises(AddressRefused):
        DEFAULT.check(text)
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(UrlRefused):
        DEFAULT.checked_url(f"https://{host}/hook")
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    with pytest.raises(AddressRefused):
        DEFAULT.socket((family, socket.SOCK_STREAM, 0, "", (text, 443)))


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_internet(text: str) -> None:
    """Allowed, right up to the edges of what is not."""
    assert is_public(ip_address(text))
    DEFAULT.check(text)


def test_a_scoped_address_is_judged_without_its_scope() -> None:
    """`fe80::1%eth0` is link-local too."""
    with pytest.raises(AddressRefused):
        DEFAULT.check("fe80::1%eth0")


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/hook",
        "ftp://receiver.example/hook",
        "file:///etc/passwd",
        "gopher://receiver.example/",
        "//receiver.example/hook",
        "receiver.example/hook",
        "https:///hook",
        "https://",
        "",
        "https://receiver.example:8443/hook",
        "https://receiver.example:22/hook",
        "https://receiver.example:99999/hook",
        "https://user:password@receiver.example/hook",
        "https://user@receiver.example/hook",
        "https://@receiver.example/hook",
        "https://receiver.example@127.0.0.1/hook",
        "https://127.0.0.1\\@receiver.example/hook",
        "https://receiver.example\\@127.0.0.1/hook",
        "https://receiver.example /hook",
        "https://receiver.example/\r\nHost: 127.0.0.1",
        "https://receiver.example/#@127.0.0.1",
        "https://2130706433/hook",
        "https://0x7f000001/hook",
        "https://0x7f.0.0.1/hook",
        "https://0177.0.0.1/hook",
        "https://017700000001/hook",
        "https://127.1/hook",
        "https://127.0.1/hook",
        "https://0/hook",
        "https://127.0.0.1./hook",
        "https://[::ffff:7f00:1]/hook",
        "https://[::1]/hook",
        "https://[fe80::1%25eth0]/hook",
        "https://\uff11\uff12\uff17.0.0.1/hook",
        "https://127\u30020\u30020\u30021/hook",
        "https://[::1/hook",
        "https://10.0.0.1/hook",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """Other schemes and ports, users, addresses in odd forms, and what two parsers might read differently."""
    with pytest.raises(UrlRefused) as error:
        DEFAULT.checked_url(url)
    assert not url or url not in str(error.value)


@pytest.mark.parametrize(
    "url", ["https://receiver.example/hook?a=b", "https://1.1.1.1/", "https://xn--bcher-kva.example/"]
)
def test_urls_that_are_taken(url: str) -> None:
    """By https, to a name or a public address."""
    assert str(DEFAULT.checked_url(url)) == url


def test_what_an_endpoint_allows_is_allowed_to_it_alone() -> None:
    """http, a port and a network, each by its own option, and nothing beside them."""
    internal = Guard(allow_http=True, ports=[8080], networks=["10.20.0.0/16", "fd00:1::/64"])
    assert internal.checked_url("http://10.20.0.1:8080/")
    assert internal.checked_url("http://[fd00:1::5]:8080/")
    internal.check("::ffff:10.20.0.1")
    for url in ("http://10.21.0.1:8080/", "http://10.20.0.1/", "http://[fd00:2::5]:8080/", "http://127.0.0.1:8080/"):
        with pytest.raises(UrlRefused):
            internal.checked_url(url)
    with pytest.raises(AddressRefused):
        internal.check("169.254.169.254")


class Answers(AbstractResolver):
    """Resolves every name to the next of its answers."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=0)
            for address in answer
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


async def test_a_name_with_one_forbidden_address_is_refused() -> None:
    """However many of its addresses are public."""
    resolver = GuardedResolver(DEFAULT, Answers(["1.1.1.1", "2606:4700::1", "10.0.0.1"]))
    with pytest.raises(AddressRefused):
        await resolver.resolve("receiver.example", 443)


async def test_a_name_is_judged_each_time() -> None:
    """What was public a moment ago may be a private address now."""
    resolver = GuardedResolver(DEFAULT, Answers(["1.1.1.1"], ["127.0.0.1"]))
    assert [one["host"] for one in await resolver.resolve("receiver.example", 443)] == ["1.1.1.1"]
    with pytest.raises(AddressRefused):
        await resolver.resolve("receiver.example", 443)

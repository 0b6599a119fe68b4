"""A secured cluster: TLS, users with passwords or certificates, and access rights for each."""

from collections.abc import Mapping
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.kafka.cluster import Cluster, Setup

USER, PASSWORD = "ordertrail", "not-so-secret"  # of a cluster that lives for one test
CERTIFIED = "CN=server"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
ALLOW = AclPermissionType.ALLOW
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


def secured_setup(certificates: Path) -> Setup:
    """Return the setup of a cluster with SASL_SSL (PLAIN and SCRAM-SHA-512) and SSL with client certificates.

    Clients of the plain listener have all rights; other users have the rights that `grant` gives.
    """
    return Setup(
        protocols=("SASL_SSL", "SSL"),
        properties={
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(certificates / "broker-store.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(certificates / "ca.pem"),
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{PLAIN} required user_{USER}="{PASSWORD}";',
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        },
        users=[f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"],
    )


TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP


def grant(cluster: Cluster, user: str, rights: Mapping[tuple[ResourceType, str], list[str]]) -> None:
    """Grant a user rights to topics and groups, by librdkafka's names of the rights."""
    bindings = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation[operation], ALLOW)
        for (kind, name), operations in rights.items()
        for operation in operations
    ]
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    for result in admin.create_acls(bindings).values():
        result.result()

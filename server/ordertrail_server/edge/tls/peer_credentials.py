"""The credentials with which a server connects to another one."""

import grpc

from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.edge.tls.certificates import read_certificates, read_pem


def read_peer_credentials(files: CertificateFiles) -> grpc.ChannelCredentials:
    """Read the credentials: the authorities of other servers, and this server's own certificate. Blocks.

    Raises CertificateRefused.
    """
    certificates = read_certificates(files)
    authorities = files.server_authorities or files.client_authorities
    return grpc.ssl_channel_credentials(
        root_certificates=None if authorities is None else read_pem(authorities),
        private_key=certificates.key,
        certificate_chain=certificates.chain,
    )

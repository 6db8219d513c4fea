"""The manual's page on TLS and user identity, in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final

SECURITY: Final = """
# DESCRIPTION

Without --tls everything goes over the network as it is, for anyone on the way to read: images, names,
passwords. With it the connection is encrypted, and the peer has to prove who it is: its certificate is not
expired, signed by someone known here, and has the host in PEER as one of its names. There is no falling back
to a plain connection, and a peer in config.toml for whom there are settings of TLS has to have tls = true, or
tls = false. Servers for DICOM with TLS listen on port 2762 as a rule, those without on 104 or 11112.

# CERTIFICATES

Certificates and keys are in PEM. --tls-ca FILE holds those whose certificates are good; without it the
system's store does. A certificate in FILE may be the peer's own. --tls-cert and --tls-key are ours, for peers
that want to know us; the certificates between ours and its issuer follow it in its file. The password of an
encrypted key comes from --tls-key-password-file, from DCMTOOLS_TLS_KEY_PASSWORD, or is asked for on a
terminal.

--tls-server-name is for a peer that is not called as its certificate has it. The names are those of
subjectAltName; the common name alone does not count. --tls-no-verify takes anyone for the peer, and warns of
that in each run; it stands on the command line only.

# PROFILES

The secure transport connection profiles of PS3.15 Annex B, for --tls-profile:

* bcp195 | BCP 195 RFC 8996, 9325 (B.12), the default: TLS 1.2 and 1.3; ECDHE with AES-GCM.
* bcp195-modified | The modified one (B.13): ChaCha20, Camellia and AES-CCM too, as far as OpenSSL has them.
* bcp195-nd | The non-downgrading one of RFC 7525 (B.10, retired): RSA only, DHE too; TLS 1.2 and 1.3.
* bcp195-extended | The extended one (B.11, retired): these, and ECDSA.
* bcp195-rfc7525 | The first one (B.9, retired): falls back as far as TLS 1.0, AES-CBC and 3DES.
* aes | AES (B.3, retired): TLS 1.0 to 1.2, RSA with AES-128-CBC or 3DES.
* basic | Basic (B.1, retired): the same with 3DES alone, which today's OpenSSL has seldom.

What is left over from TLS 1.0 can be broken. Choose it for a peer that has nothing else, in a network that
is safe without it.

# SERVERS

"dcmtools serve --tls --tls-cert FILE --tls-key FILE" speaks TLS alone. With --tls-ca it wants a certificate
of each client, signed by one in that file; --tls-client-auth request lets those without one in, and none
does not ask.

# USERS

--user, --kerberos-ticket, --saml and --jwt tell the peer who asks for the association (PS3.7 D.3.3.7). No
secret stands on the command line, where every user of the machine could read it: a password comes from
--password-file, from DCMTOOLS_PASSWORD, or with --ask-password from the terminal; a JSON Web Token from --jwt
FILE or DCMTOOLS_JWT. Programs that dcmtools starts (--exec, the pager) do not get these variables. User and
password together, a ticket or a token have 60000 bytes at most. Many peers pay no attention to any of it, and
accept. --identity-response asks for a confirmation, and goes on with it only.

A server of dcmtools confirms user names as they come (PS3.15 B.4). It checks no password, ticket or token,
and does not confirm those of the three last kinds.

# CERTIFICATES FOR TESTS

A certificate that signs itself, which the others name as their --tls-ca:

    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout us.key -out us.pem \\
      -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
    dcmtools serve in/ --tls --port 11112 --tls-cert us.pem --tls-key us.key
    dcmtools echo --tls --tls-ca us.pem localhost:11112

A client has one made in the same way, and the server takes it with --tls-ca. With "-v" a server logs why
clients did not come to terms with it.

# EXAMPLES

    dcmtools echo --tls --tls-ca hospital.pem ARCHIVE@pacs.example.org
    dcmtools peers add archive ARCHIVE@pacs.example.org --tls --tls-ca hospital.pem --user ward7
    dcmtools store archive --password-file ~/.archive-password night/
    dcmtools serve in/ --tls --tls-cert us.pem --tls-key us.key --tls-ca clients.pem
"""

#!/bin/sh
# Creates an authority, and a certificate for the servers and the balancer of docker-compose.yml: make_certificates.sh DIR.
# It is for development: every container that mounts the folder can read the keys.
set -eu
cd "$1"
[ -e tls.crt ] && exit 0
umask 022
names=DNS:ordertrail,DNS:command-1,DNS:command-2,DNS:query-1,DNS:localhost,IP:127.0.0.1
curve="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $curve -days 365 -subj "/CN=Ordertrail development" -keyout ca.key -out ca.crt
openssl req -x509 $curve -days 365 -subj "/CN=ordertrail" -addext "subjectAltName=$names" \
  -addext "basicConstraints=critical,CA:FALSE" -CA ca.crt -CAkey ca.key -keyout tls.key -out new.crt
chmod 0644 tls.key
mv new.crt tls.crt

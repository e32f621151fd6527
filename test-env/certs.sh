#!/usr/bin/env bash
# Makes a certificate authority and the certificates of a test cluster: [DAYS=N] certs.sh FOLDER [HOST..].
# ca.crt, server.{crt,key} for 127.0.0.1, localhost and the named hosts, client.{crt,key} with the common name `ipam`.
# For tests alone: the authority's key is deleted, the authority ends after 30 days, and what it signs, unless DAYS says otherwise.
set -euo pipefail

dir=${1:?certs.sh FOLDER [HOST..]}
shift
mkdir -p "$dir"
cd "$dir"
umask 077

names=IP:127.0.0.1,DNS:localhost
for host in "$@"; do names+=,DNS:$host; done

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# issue NAME EXTENSIONS
issue() {
    new_key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=${3:-$1}" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "${DAYS:-30}" -out "$1.crt" \
        -extfile <(printf '%s\n' basicConstraints=CA:FALSE "$2") 2>/dev/null
    rm "$1.csr"
}

new_key ca.key
openssl req -x509 -new -key ca.key -days 30 -subj '/CN=test authority' -out ca.crt
issue server "subjectAltName=$names
extendedKeyUsage=serverAuth,clientAuth"
issue client extendedKeyUsage=clientAuth ipam
rm ca.key ./*.srl
chmod 644 ./*.crt

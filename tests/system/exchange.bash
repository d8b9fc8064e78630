# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# exchange: two hosts, of which one has the CA and the other one sends it requests as files; for the scenes about these
#
# On the host "ca" is the authority "site" and a certificate "portal" of its own for nginx; on the host "client" the issuer
# "paper", whose answers a person brings, and two certificates of it: "web" for nginx, "app" for a client. Files are carried
# by hand: they lie in /root/mail at both.

ISSUER=site

# ---- Manifests ----

# ca_manifest [FILTER]: a filter of jq changes it
ca_manifest() {
        jq "${1:-.}" <<MANIFEST
{
  "version": 1,
  "issuers": { "site": { "type": "local", "certificate_lifetime": "90d", "rotation_grace": "1s" } },
  "defaults": { "issuer": "site" },
  "certificates": {
    "portal": {
      "common_name": "ca.example.org", "sans": ["ca.example.org"],
      "cert_path": "/etc/nginx/tls/portal.pem", "key_path": "/etc/nginx/tls/portal.key", "ca_path": "/etc/nginx/tls/site-ca.pem",
      "units": [ { "unit": "nginx.service", "action": "reload" } ]
    },
    "monitor": {
      "common_name": "monitor.example.org", "sans": ["monitor.example.org"], "usage": ["client"],
      "cert_path": "/etc/tls/monitor.pem", "key_path": "/etc/tls/monitor.key"
    }
  }
}
MANIFEST
}

client_manifest() {
        jq "${1:-.}" <<MANIFEST
{
  "version": 1,
  "issuers": { "paper": { "type": "csr", "roots": "/etc/cert-agent/site-ca.pem" } },
  "defaults": { "issuer": "paper" },
  "certificates": {
    "web": {
      "common_name": "client.example.org", "sans": ["client.example.org", "ip:192.0.2.2"],
      "cert_path": "/etc/nginx/tls/web.pem", "key_path": "/etc/nginx/tls/web.key", "ca_path": "/etc/nginx/tls/site-ca.pem",
      "units": [ { "unit": "nginx.service", "action": "reload" } ],
      "verify": { "connect": "127.0.0.1:443", "server_name": "client.example.org" }
    },
    "app": {
      "common_name": "app.example.org", "sans": ["app.example.org"], "usage": ["client"],
      "cert_path": "/etc/tls/app.pem", "key_path": "/etc/tls/app.key", "ca_path": "/etc/tls/site-ca.pem"
    }
  }
}
MANIFEST
}

# mutual_site HOST CERTIFICATE [MORE]: nginx that lets in who has a certificate of the authority; MORE are lines of nginx
mutual_site() {
        m rm -f /etc/nginx/sites-enabled/default
        put "/etc/nginx/conf.d/$2.conf" <<SITE
server {
        listen 443 ssl;
        server_name $1.example.org;
        ssl_certificate /etc/nginx/tls/$2.pem;
        ssl_certificate_key /etc/nginx/tls/$2.key;
        ssl_client_certificate /etc/nginx/tls/site-ca.pem;
        ssl_verify_client on;
        ${3:-}
        location / { return 200 "this is $1, you are \$ssl_client_s_dn\n"; }
}
SITE
}

# plain_site HOST CERTIFICATE: the same for everybody
plain_site() {
        mutual_site "$1" "$2"
        m sed -i '/client_certificate\|verify_client/d' "/etc/nginx/conf.d/$2.conf"
}

# ---- The way of a request ----

# Both hosts with their manifests (a filter for each), the authority made, its roots at the client
exchange_begin() {
        local host
        for host in ca client; do
                on $host m mkdir -p /etc/nginx/tls /etc/tls /root/mail
                on $host m systemctl stop nginx.service
        done
        must "the CA host takes its manifest" on ca manifest <<<"$(ca_manifest "${1:-.}")"
        must "and has its authority" on ca m certctl renew --due
        must "the client gets its certificate" roots
        must "the client host takes its manifest" on client manifest <<<"$(client_manifest "${2:-.}")"
}

# What the authority is known by, as the client's manifest has it.
roots() {
        on ca m sh -c 'certctl authority export '"$ISSUER"' >/root/mail/site-ca.pem' &&
                carry ca /root/mail/site-ca.pem client /root/mail/site-ca.pem && on client m cp /root/mail/site-ca.pem /etc/cert-agent/
}

# request NAME [FILE]: what waits at the client, at the CA's host as /root/mail/FILE.csr
request() {
        on client m sh -c "certctl csr $1 >/root/mail/${2:-$1}.csr" && carry client "/root/mail/${2:-$1}.csr" ca "/root/mail/${2:-$1}.csr"
}

# sign NAME [FILE] [OPTION…]: /root/mail/NAME.csr is signed, the answer is /root/mail/FILE.pem at both
sign() {
        local file=${2:-$1}
        on ca m certctl sign "/root/mail/$1.csr" --issuer "$ISSUER" --yes --force -o "/root/mail/$file.pem" "${@:3}" &&
                carry ca "/root/mail/$file.pem" client "/root/mail/$file.pem"
}

# import NAME [FILE]: /root/mail/FILE.pem is the answer
import() { on client m certctl import "$1" "/root/mail/${2:-$1}.pem"; }

# exchange NAME [OPTION…]: all of it, with the options for the one who signs
exchange() { request "$1" && sign "$1" "$1" "${@:2}" && import "$1"; }

# ---- What is true at the client ----

# What a refused answer must not change: files, and what is kept of request and certificates.
kept() {
        on client m sh -c 'sha256sum /etc/nginx/tls/* /etc/tls/* 2>/dev/null
                find /var/lib/cert-agent/generations -type f -exec sha256sum {} + | sort; certctl csr web 2>&1'
}

serial() { on client serial_on_disk "${1:-/etc/nginx/tls/web.pem}"; }
state() { on client property "$1" State; }

# The serial number that a host's nginx serves, seen from the other: served_to ca client
served_to() {
        on "$1" m sh -c "timeout 20 openssl s_client -connect $2.example.org:443 -servername $2.example.org </dev/null 2>/dev/null |
                openssl x509 -noout -serial" | cut -d= -f2
}

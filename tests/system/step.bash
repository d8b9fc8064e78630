# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# step: a real step-ca in the machine, as a service with a user of its own, for the scenes that get certificates from one
#
# It listens at https://ca.internal:9000 and writes a line of JSON for each request into the journal.

CA_URL=https://ca.internal:9000
CA_FOLDER=/var/lib/step-ca
STEP_PASSWORD='correct horse battery staple'
PASSWORD_FILE=/etc/cert-agent/step.password

# ---- The server ----

# ca_begin [FILTER]: made, configured and started; a filter of jq changes its configuration
ca_begin() {
        local program=${CERT_AGENT_STEP_CA:-${CERT_AGENT_TEST_CACHE:-/var/cache/cert-agent-tests}/step-ca}
        "$TESTS/../step-ca/build" "$program" >&2 &&
                install -m 0755 "$program" "$ROOT/usr/local/bin/step-ca" || return
        put /etc/hosts <<<$'127.0.0.1 localhost\n127.0.0.1 ca.internal'
        m_input systemd-sysusers - <<<"u step-ca - \"Certificate Authority\" $CA_FOLDER" || return
        put /etc/systemd/system/step-ca.service <<UNIT
[Unit]
Description=Smallstep CA
# a scene starts it as often as it needs to
StartLimitIntervalSec=0
[Service]
User=step-ca
StateDirectory=step-ca
StateDirectoryMode=0700
ExecStart=/usr/local/bin/step-ca start $CA_FOLDER/config/ca.json --password-file $CA_FOLDER/password
ExecStartPost=/bin/sh -c 'until curl -sk -m 1 -o /dev/null https://127.0.0.1:9000/health; do sleep 0.02; done'
ExecReload=kill -HUP \$MAINPID
TimeoutStartSec=90
KillMode=mixed
TimeoutStopSec=1
SuccessExitStatus=SIGKILL
UNIT
        m systemctl daemon-reload
        ca_make "$CA_FOLDER" && ca_configure '.logger.format = "json"
                | .authority.provisioners[0].claims = { minTLSCertDuration: "5s", maxTLSCertDuration: "720h", defaultTLSCertDuration: "24h" }' &&
                ca_configure "${1:-.}" && m systemctl start step-ca.service
}

# A new authority in a folder, with the provisioner "admin"; whatever there was is gone.
ca_make() {
        m rm -rf "$1"
        m install -d -o step-ca -g step-ca -m 0700 "$1" || return
        ca_file "$1/password" <<<'the key of the authority' && ca_file "$1/provisioner.password" <<<"$STEP_PASSWORD" || return
        ca_program "$1" init --name "Site ${1##*/}" --dns ca.internal --provisioner admin --password-file "$1/password" \
                --provisioner-password-file "$1/provisioner.password" >/dev/null 2>&1
}

# ca_program FOLDER COMMAND…: step-ca's own program, as its user
ca_program() { m runuser -u step-ca -- env "STEPPATH=$1" /usr/local/bin/step-ca "${@:2}"; }

# ca_file PATH: a file of the CA's, from standard input
ca_file() { m_input install -o step-ca -g step-ca -m 0600 /dev/stdin "$1"; }

# The configuration through a filter of jq, with jq's options before it; takes effect with the next start.
ca_configure() {
        local config
        config=$(m cat $CA_FOLDER/config/ca.json | jq "$@") && ca_file $CA_FOLDER/config/ca.json <<<"$config"
}

# The fingerprint of a root: ca_print [FOLDER]
ca_print() {
        m openssl x509 -noout -fingerprint -sha256 -in "${1:-$CA_FOLDER}/certs/root_ca.crt" | cut -d= -f2 | tr -d : | tr A-F a-f
}

# How many requests for a path ended with a status since a moment ("$EPOCHSECONDS" before): ca_answered sign 201 [MOMENT]
ca_answered() {
        journal -o cat -u step-ca.service --since "@${3:-0}" | grep '^{' |
                jq -rs --arg path "/$1" --arg status "$2" \
                        'map(select((.path | endswith($path)) and (.status | tostring) == $status)) | length'
}

# The password of the provisioner's key becomes another, as an administrator of the CA would do it.
ca_password() {
        local jwe sealed
        jwe=$(m jq -r '.authority.provisioners[] | select(.name == "admin") | .encryptedKey' $CA_FOLDER/config/ca.json)
        ca_file $CA_FOLDER/provisioner.new <<<"$1"
        sealed=$(ca_program $CA_FOLDER seal --old-password-file $CA_FOLDER/provisioner.password \
                --password-file $CA_FOLDER/provisioner.new "$jwe" | jq -r .encryptedKey) || return
        m mv $CA_FOLDER/provisioner.new $CA_FOLDER/provisioner.password
        ca_configure --arg sealed "$sealed" '(.authority.provisioners[] | select(.name == "admin") | .encryptedKey) = $sealed' &&
                m systemctl restart step-ca.service
}

# ---- The host that gets certificates ----

# The password where the manifest says it is: password [TEXT]
password() { m_input install -o root -g root -m 0600 /dev/stdin $PASSWORD_FILE <<<"${1:-$STEP_PASSWORD}"; }

# step_manifest [FILTER]: a whole manifest with the CA as issuer "ca" (its root is $PINNED) and a certificate "web" of it for
# nginx; a filter of jq changes it
step_manifest() {
        nginx_manifest web | jq --arg url "$CA_URL" --arg root "$PINNED" --arg password $PASSWORD_FILE \
                '.issuers = { ca: { type: "step", url: $url, root_fingerprint: $root, provisioner: "admin", password_file: $password } }
                | .defaults.issuer = "ca"' | jq "${1:-.}"
}

# The manifest with another name for "web", so that the next pass has to get another certificate: due [FILTER]
due() {
        manifest <<<"$(step_manifest "${1:-.} | .certificates.web.sans += [\"at${EPOCHREALTIME/./}.example.org\"]")"
}

# Certificates as "web" under other names: a filter for step_manifest. copies COUNT PREFIX [FILTER]
copies() {
        echo "reduce range($1) as \$i (.; (\"$2\" + (\$i | tostring)) as \$name | .certificates[\$name] = (.certificates.web | del(.verify)
                | .common_name = \$name + \".example.org\" | .sans = [\$name + \".example.org\"]
                | .cert_path = \"/etc/nginx/tls/\" + \$name + \".pem\" | .key_path = \"/etc/nginx/tls/\" + \$name + \".key\"
                | ${3:-.}))"
}

# Processes that keep something between calls: the next call starts others.
end_workers() { m systemctl stop 'cert-issuer-step@*.service' 'cert-keyholder@*.service'; }

# CA, nginx with a certificate of it, and nothing left to do: the state from which most of these scenes start
step_begin() {
        must "a step-ca runs" ca_begin "${2:-.}"
        PINNED=$(ca_print)
        nginx_prepare web
        password
        must "a manifest with it as issuer is taken" manifest <<<"$(step_manifest "${1:-.}")"
        must "the first certificates are issued" m certctl renew --due
        must "nginx starts" m systemctl start nginx.service
        must "and serves one" within 10 serves web
}

# What an administrator sees at first.
status() { m certctl status --no-pager "$@" 2>&1; }

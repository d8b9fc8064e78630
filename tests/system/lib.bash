# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# lib: what every scene stands on
#
# A scene is a script that sources this file, says `scene_begin "$@"` and gets a fresh booted machine with the packages
# installed; it then acts as an administrator would and says with `check` what must be true. Each check prints one line,
# "ok - SCENE: words" or "not ok - SCENE: words". Whatever happens, the machine is removed at the end. `m` runs a command
# in the machine. A scene about two hosts gets two machines, see `on`.
#
# usage of each scene: scene-NN-NAME SUITE FOLDER-OF-PACKAGES

set -u
TESTS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
CONTAINER=$TESTS/../../packaging/container
SCENE=$(basename "$0")
FAILED=0

# ---- The machine ----

# scene_begin SUITE FOLDER [HOST…]: with names of hosts there is a machine for each, the first two are joined (`on`, `hosts`),
# and `m` without `on` is the first one
scene_begin() {
        [ $# -ge 2 ] && [ -d "$2" ] || { echo "usage: $0 SUITE FOLDER-OF-PACKAGES" >&2; exit 2; }
        SUITE=$1 PACKAGES=$2 MACHINES=() BEGINNING=()
        HOSTS=("${@:3}")
        MACHINE=$(machine_of "${HOSTS[0]:-}")
        trap scene_end EXIT
        trap 'exit 1' INT TERM
        local host failed=
        for host in "${HOSTS[@]:-}"; do
                MACHINES+=("$(machine_of "$host")")
                machine_begin "${MACHINES[-1]}" &
                BEGINNING+=($!)
        done
        for host in "${BEGINNING[@]}"; do wait "$host" || failed=yes; done
        BEGINNING=()
        [ -z "$failed" ] || exit 1
        ROOT=$("$CONTAINER" root "$MACHINE")
        [ ${#HOSTS[@]} = 0 ] || join_hosts || { result 1 "the machines can be joined"; exit 1; }
}

machine_of() { echo "$SCENE-$SUITE-$$${1:+-$1}" | tr -c 'a-z0-9\n' -; }

machine_begin() {
        local MACHINE=$1 ROOT
        "$CONTAINER" up "$MACHINE" "$SUITE" || { result 1 "the machine boots"; return 1; }
        ROOT=$("$CONTAINER" root "$MACHINE")
        install_packages >"$ROOT/root/install.log" 2>&1 || {
                cat "$ROOT/root/install.log"
                result 1 "the packages can be installed"
                return 1
        }
        # most scenes load the manifest and start each pass themselves, so that they can look in between
        [ "${MANIFEST_IS_WATCHED:-no}" = yes ] || m systemctl disable -q --now cert-agent-manifest.path
}

install_packages() {
        "$CONTAINER" copy "$MACHINE" "$PACKAGES"/cert*_*.deb /root/ &&
                TIMEOUT=300 m sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i /root/certctl_*.deb /root/cert-agent_*.deb /root/cert-issuer-step_*.deb'
}

scene_end() {
        local status=$?
        trap - EXIT
        trap '' INT TERM
        [ "$status" = 0 ] || [ $FAILED -gt 0 ] || result 1 "the scene comes to its end"
        # a machine that is just booting would be left
        [ ${#BEGINNING[@]} = 0 ] || wait "${BEGINNING[@]}"
        local machine
        for machine in "${MACHINES[@]}"; do
                [ $FAILED = 0 ] || [ ! -d "${ROOT:-/nowhere}" ] || show_journal "$machine"
                "$CONTAINER" down "$machine"
        done
        [ $FAILED = 0 ] || exit 1
        exit 0
}

show_journal() {
        echo "---- the journal of $1 ----"
        "$CONTAINER" exec -t 20 "$1" journalctl --no-pager -q -o short-precise -b 2>&1 |
                grep -E ' (cert|nginx|systemd|polkit|kernel|dbus)' | tail -n 80
        echo "----"
}

# ---- Two machines ----

# Each host knows the others as HOST and HOST.example.org, the first has 192.0.2.1 and so on.
join_hosts() {
        local i names=$'127.0.0.1 localhost'
        for i in "${!HOSTS[@]}"; do
                names+=$'\n'"192.0.2.$((i + 1)) ${HOSTS[i]}.example.org ${HOSTS[i]}"
        done
        "$CONTAINER" join "${MACHINES[0]}" 192.0.2.1/24 "${MACHINES[1]}" 192.0.2.2/24 || return
        for i in "${HOSTS[@]}"; do on "$i" put /etc/hosts <<<"$names" || return; done
}

# on HOST COMMAND…: any of these words, or a function of a scene, about that host
on() {
        local MACHINE ROOT
        MACHINE=$(machine_of "$1")
        ROOT=$("$CONTAINER" root "$MACHINE")
        shift
        "$@"
}

# A file from one host to the other, as with scp: carry HOST FILE OTHER FILE
carry() { on "$1" m cat "$2" | on "$3" put "$4"; }

cable() { on "${HOSTS[0]}" m ip link set lan "$1"; } # up, or down: nothing passes

# A command in the machine, with an end in time: against what hangs, and no measure.
m() { "$CONTAINER" exec -t "${TIMEOUT:-120}" "$MACHINE" "$@" </dev/null; }

# The same with standard input.
m_input() { "$CONTAINER" exec -t "${TIMEOUT:-120}" "$MACHINE" "$@"; }

# A command as a unit of its own: `as USER COMMAND…`
as() {
        local user=$1
        shift
        "$CONTAINER" run -t "${TIMEOUT:-120}" "$MACHINE" -p "User=$user" "$@" </dev/null
}

# Writes a file of the machine from standard input, in one rename.
put() {
        m_input sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1.new~" && mv "$1.new~" "$1"' sh "$1"
}

# ---- What must be true ----

result() {
        if [ "$1" = 0 ]; then
                echo "ok - $SCENE ($SUITE): $2"
        else
                echo "not ok - $SCENE ($SUITE): $2"
                FAILED=$((FAILED + 1))
        fi
}

# check WORDS COMMAND…: the command succeeds
check() {
        local words=$1 output status
        shift
        output=$("$@" 2>&1)
        status=$?
        [ $status = 0 ] || printf '%s\n' "# $* → $status" "$output" | sed 's/^\([^#]\)/#   \1/'
        result $status "$words"
}

# check_not WORDS COMMAND…: the command fails
check_not() {
        local words=$1
        shift
        check "$words" not "$@"
}

not() { ! "$@"; }

# must WORDS COMMAND…: as check; without it the rest of the scene means nothing
must() {
        local before=$FAILED
        check "$@"
        [ $FAILED = "$before" ] || exit 1
}

# is WORDS VALUE EXPECTED
is() {
        [ "$2" = "$3" ] || echo "# is: \"$2\", must be: \"$3\""
        [ "$2" = "$3" ]
        result $? "$1"
}

# matches WORDS TEXT PATTERN: an extended regular expression is found in the text
matches() {
        grep -qE -- "$3" <<<"$2" || { echo "# does not match \"$3\":"; sed 's/^/#   /' <<<"$2"; }
        grep -qE -- "$3" <<<"$2"
        result $? "$1"
}

# within SECONDS COMMAND…: it becomes true in time. The seconds are plenty for a machine that is alone; where many run at once
# on few slow processors it is waited six times as long, for what is looked for is whether it happens.
PATIENCE=6
within() {
        local end=$((${EPOCHREALTIME/./} + $1 * PATIENCE * 1000000))
        shift
        until "$@" >/dev/null 2>&1; do
                [ "${EPOCHREALTIME/./}" -lt "$end" ] || { "$@"; return; }
                sleep 0.05
        done
}

# equals COMMAND… EXPECTED: what the command prints is that
equals() {
        local expected=${*: -1} got
        got=$("${@:1:$#-1}") || true
        [ "$got" = "$expected" ] || { echo "is: \"$got\", must be: \"$expected\""; return 1; }
}

# differs COMMAND… EXPECTED: it prints something else than that, and not nothing
differs() {
        local expected=${*: -1} got
        got=$("${@:1:$#-1}") || true
        [ -n "$got" ] && [ "$got" != "$expected" ] || { echo "is: \"$got\", must be something else"; return 1; }
}

# ---- Certificates ----

# The whole manifest from standard input, in force when this returns.
manifest() {
        put /etc/cert-agent/manifest.json && m certctl reload
}

# certificate NAME [MORE]: one certificate of a manifest, for nginx; MORE are further keys with a comma before
certificate() {
        cat <<CERTIFICATE
    "$1": {
      "common_name": "$1.example.org", "sans": ["$1.example.org"],
      "cert_path": "/etc/nginx/tls/$1.pem", "key_path": "/etc/nginx/tls/$1.key",
      "owner": "root:www-data", "permissions": { "cert": "0644", "key": "0640" }${2:-}
    }
CERTIFICATE
}

# nginx_manifest NAME [MORE]: a whole manifest with one certificate for nginx
nginx_manifest() {
        cat <<MANIFEST
{
  "version": 1,
  "issuers": { "site": { "type": "local" } },
  "defaults": { "issuer": "site" },
  "certificates": {
$(certificate "$1" ", \"units\": [ { \"unit\": \"nginx.service\", \"action\": \"reload\" } ],
      \"verify\": { \"connect\": \"127.0.0.1:443\", \"server_name\": \"$1.example.org\" }${2:-}")
  }
}
MANIFEST
}

# A virtual host of nginx that serves the certificate NAME.
nginx_site() {
        m mkdir -p /etc/nginx/tls
        put "/etc/nginx/conf.d/$1.conf" <<SITE
server {
        listen 443 ssl;
        server_name $1.example.org;
        ssl_certificate /etc/nginx/tls/$1.pem;
        ssl_certificate_key /etc/nginx/tls/$1.key;
        location / { return 200 "this is $1\n"; }
}
SITE
}

# nginx_serves NAME: manifest, first issue, nginx restarted with it; the state from which most scenes start
nginx_serves() {
        nginx_site "$1"
        m rm -f /etc/nginx/sites-enabled/default
        m systemctl stop nginx.service
        nginx_manifest "$1" "${2:-}" | manifest || return 1
        m certctl ensure "$1" || return 1
        m systemctl start nginx.service || return 1
        within 10 serves "$1"
}

# A property of a certificate on the bus, as plain text.
property() {
        m busctl --json=short get-property org.certagent1 "/org/certagent1/certificate/$1" org.certagent1.Certificate "$2" |
                jq -r '.data | if type == "array" then join(" ") else tostring end'
}

# The error code in the list, the reasons of the plan, of one certificate.
error_code() {
        m busctl --json=short call org.certagent1 /org/certagent1 org.certagent1.Manager ListCertificates |
                jq -r --arg name "$1" '.data[0][] | select(.[0] == $name) | .[5]'
}

planned() {
        m busctl --json=short call org.certagent1 /org/certagent1 org.certagent1.Manager Plan as 1 "$1" |
                jq -r '.data[0][] | (.[1] + ": " + (.[2] | join(" ")))'
}

# Everything that the plan would do: "NAME ACTION: REASONS" each.
plan_all() {
        m busctl --json=short call org.certagent1 /org/certagent1 org.certagent1.Manager Plan as 0 |
                jq -r '.data[0][] | select(.[1] != "none") | (.[0] + " " + .[1] + ": " + (.[2] | join(" ")))'
}

serial_on_disk() { m openssl x509 -noout -serial -in "$1" 2>/dev/null | cut -d= -f2; }

# served NAME [PORT]: what a TLS client gets, PEM
served() {
        m timeout 20 openssl s_client -connect "127.0.0.1:${2:-443}" -servername "$1.example.org" 2>/dev/null |
                openssl x509 2>/dev/null
}

serial_served() { served "$@" | openssl x509 -noout -serial 2>/dev/null | cut -d= -f2; }

# What is on disk is served, by `within`: for a moment after a reload nginx's old workers answer as well. serves NAME [FILE]
serves() { equals serial_served "$1" "$(serial_on_disk "${2:-/etc/nginx/tls/$1.pem}")"; }

# The roots of issuer "site" in the machine's /root/ca.pem.
fetch_ca() {
        m busctl --json=short call org.certagent1 /org/certagent1 org.certagent1.Manager GetBundle s site |
                jq -r '.data[0]' | put /root/ca.pem
}

# pair_matches CERTIFICATE KEY
pair_matches() {
        equals m openssl x509 -noout -pubkey -in "$1" "$(m openssl pkey -pubout -in "$2")"
}

# The journal, with all that was said to it until now; it lags behind otherwise.
journal() { m sh -c 'journalctl --sync; exec journalctl -q --no-pager "$@"' journal "$@"; }

# How many jobs of a kind systemd has finished for a unit: jobs_of nginx.service reload
jobs_of() {
        journal -o json UNIT="$1" JOB_TYPE="$2" JOB_RESULT=done | wc -l
}

main_pid() { m systemctl show -P MainPID "$1"; }

# The timer is armed and does not tick: a pass between two looks would change what is compared.
timer_never_ticks() {
        put /etc/systemd/system/cert-renew.timer.d/never.conf <<'DROPIN'
[Timer]
OnBootSec=
OnCalendar=
OnActiveSec=1d
RandomizedDelaySec=0
DROPIN
        m systemctl daemon-reload
}

# An agent that nobody needs ends after so long: agent_idle_time 2s
agent_idle_time() {
        put /etc/systemd/system/cert-agent.service.d/idle.conf <<DROPIN
[Service]
ExecStart=
ExecStart=/usr/lib/cert-agent/cert-agent --exit-idle-time=$1
DROPIN
        m systemctl daemon-reload
}

# ---- Local authorities ----

# authority_manifest [FILTER]: a whole manifest with the authority "site", a certificate "web" of it for nginx and a bundle;
# a filter of jq changes it
authority_manifest() {
        jq "${1:-.}" <<MANIFEST
{
  "version": 1,
  "issuers": { "site": { "type": "local" } },
  "defaults": { "issuer": "site" },
  "certificates": {
$(certificate web ', "units": [ { "unit": "nginx.service", "action": "reload" } ]')
  },
  "bundles": { "site-ca": { "from": ["site"], "path": "/etc/ssl/site-ca.pem" } }
}
MANIFEST
}

# Nginx with the virtual hosts NAME…, stopped before it has certificates.
nginx_prepare() {
        local name
        for name; do nginx_site "$name"; done
        m rm -f /etc/nginx/sites-enabled/default
        m systemctl stop nginx.service
}

# truster NAME HOST BUNDLE [ADDRESS [PAUSE]]: a service that trusts only the bundle and makes requests without end, see truster.py
truster() {
        put /root/truster.py <"$TESTS/truster.py"
        put "/etc/systemd/system/truster-$1.service" <<UNIT
[Service]
Type=notify
ExecStart=/usr/bin/python3 /root/truster.py serve $1 $2 $3 ${4:-127.0.0.1} ${5:-}
ExecReload=/usr/bin/python3 /root/truster.py reload $1
UNIT
        m systemctl daemon-reload
}

# What it says: requests, failures, serials seen, reloads, certificates in its bundle; its failures as remarks.
report() {
        m python3 /root/truster.py report "$1" | tee >(sed -n 's/^#/#  /p' >&2) | head -n 1
}

# It has made so many requests by now, by `within`; only then it means something that none of them failed.
requests_made() {
        local requests
        read -r requests _ <<<"$(report "$1" 2>/dev/null)"
        [ "${requests:-0}" -ge "$2" ]
}

# The certificates of an authority as its files have them: authority_print site [ca|next]
authority_print() {
        m openssl x509 -noout -fingerprint -sha256 -in "/var/lib/cert-authority/$1/${2:-ca}.pem" 2>/dev/null | cut -d= -f2 |
                tr -d : | tr A-F a-f
}

# The fingerprints of a file of several certificates, one a line.
prints_in() {
        m cat "$1" | python3 -c '
import hashlib, re, ssl, sys
for pem in re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", sys.stdin.read(), re.S):
    print(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest())'
}

# A property of an authority or a bundle in the lists of the bus: authority_property site Phase
authority_property() { list_property ListAuthorities "$1" "$2"; }
bundle_property() { list_property ListBundles "$1" "$2"; }
list_property() {
        m busctl --json=short call org.certagent1 /org/certagent1 org.certagent1.Manager "$1" |
                jq -r --arg name "$2" --arg key "$3" '.data[0][] | select(.[0] == $name) | .[1][$key].data
                        | if type == "array" then join(" ") else tostring end'
}

# Everything that a pass could write, with what changes when it does. The time that was seen last is not a finding.
state_of_files() {
        m sh -c 'find /etc /var/lib/cert-authority /var/lib/cert-agent -xdev ! -path /var/lib/cert-agent/clock \
                -printf "%p %i %m %U:%G %s %T@ %C@\n" | sort'
}

# Lines of the agent in the journal since a moment ($EPOCHSECONDS before), "NAME or ISSUER: REASONS": said_reasons MOMENT
said_reasons() {
        journal -o json --since "@$1" _SYSTEMD_UNIT=cert-agent.service |
                jq -r 'select(.CERT_REASON) | (.CERT_NAME // ("authority:" + .CERT_ISSUER)) + ": " + .CERT_REASON'
}

# ---- Another time ----

# The library that shifts the clock of one program (tests/integration/shift-clock.c), built for the machine.
shift_clock_installed() {
        [ -e "$ROOT/usr/lib/shift-clock.so" ] ||
                cc -shared -fPIC -O1 -D_GNU_SOURCE -o "$ROOT/usr/lib/shift-clock.so" "$TESTS/../integration/shift-clock.c"
}

# shifted SECONDS: agent, issuers and `certctl-later` see that much later a time
shifted() {
        local unit
        shift_clock_installed || { result 1 "the clock can be shifted"; return 1; }
        for unit in cert-agent cert-issuer-local@ cert-issuer-csr@; do
                put "/etc/systemd/system/$unit.service.d/clock.conf" <<DROPIN
[Service]
Environment=LD_PRELOAD=/usr/lib/shift-clock.so SHIFT_CLOCK=$1
DROPIN
        done
        put /usr/local/bin/certctl-later <<SCRIPT
#!/bin/sh
LD_PRELOAD=/usr/lib/shift-clock.so SHIFT_CLOCK=$1 exec certctl "\$@"
SCRIPT
        m chmod 0755 /usr/local/bin/certctl-later
        m systemctl daemon-reload
        m systemctl stop cert-agent.service 'cert-issuer-local@*.service' 'cert-issuer-csr@*.service' 2>/dev/null
}

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# rules: the rules of a local authority, for the scenes that break each of them (reconcile.bash) and start what mends it

# what is done, as reconcile.bash knows it / of what the plan speaks / what it plans / why
rules=(
        "ca-removed/authority:site/make/missing-authority"
        "ca-key-removed/authority:site/make/missing-authority"
        "cert-removed/web/issue/missing-cert"
        "key-removed/web/issue/missing-key"
        "bundle-removed/bundle:site-ca/issue/bundle-differ"
        "bundle-edited/bundle:site-ca/issue/bundle-differ"
        "bundle-replaced/bundle:site-ca/issue/bundle-differ"
        "stray/web/issue/not-signed-by-authority"
        "authority-expiring/authority:site/begin/authority-expiring"
        "expiring/web/issue/expiring"
)
strict=( # with the settings for those who take a change as a sign of tampering
        "bundle-edited/authority:site/recreate/bundle-differ"
        "bundle-removed/authority:site/recreate/bundle-differ"
        "stray/authority:site/recreate/not-signed-by-authority"
)
recreate='.issuers.site.bundle_drift = "recreate" | .issuers.site.stray = "recreate"'
watched='.issuers.site.watch = true | .certificates.web.watch = true | .bundles["site-ca"].watch = true'
reconcile() { m bash /root/reconcile.bash "$@"; }
reason_is_said() { said_reasons "$1" | grep -qE "^$2: .*$3"; }
is_planned() { plan_all | grep -qE "^$1 $2: .*$3"; }

# Everything that the rules are about, made and in step.
rules_begin() {
        m mkdir -p /etc/nginx/tls
        put /root/reconcile.bash <"$TESTS/reconcile.bash"
        reconcile prepare
        nginx_prepare web
        check "a manifest with an authority, a certificate and a bundle is taken" manifest <<<"$(authority_manifest)"
        must "one pass makes all of it" m certctl renew --due
        must "and all is in step" reconcile good
        is "nothing is planned then" "$(plan_all)" ""
        check "nginx starts" m systemctl start nginx.service
}

the_timer() { m systemctl start cert-renew.service; }
nothing_is_written() { # EVENT FILE: no file is another after it, but for the one that is the event
        local before after passes
        check "in step: nothing is planned" within 5 equals plan_all ""
        the_timer # caches that were waiting to be written are written
        before=$(state_of_files)
        passes=$(last_pass)
        "$1"
        # a touched file that says what it said is not worth a pass
        [ "$1" = a_touch ] || check "in step: $1 starts a pass" within 5 differs last_pass "$passes"
        sleep 1
        after=$(state_of_files)
        is "in step: $1 makes a pass that writes nothing" \
                "$(diff <(echo "$before") <(echo "$after") | grep '^[<>]' | grep -vF "${2:-nothing}")" ""
}
last_pass() { m busctl get-property org.certagent1 /org/certagent1 org.certagent1.Manager LastPass; }

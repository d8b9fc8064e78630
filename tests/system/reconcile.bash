# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# reconcile: what hands do to the files of a local authority, and whether all is in step again
#
# Runs inside the machine. `reconcile prepare` makes what strangers bring. `reconcile spoil WAY` does it.
# `reconcile good` succeeds when authority, certificate and bundle are in step. `reconcile timed WAY` does both, and prints
# how many milliseconds it took until all was in step.
set -u
ISSUER=${ISSUER:-site}
CA=/var/lib/cert-authority/$ISSUER
CERT=/etc/nginx/tls/web.pem KEY=/etc/nginx/tls/web.key BUNDLE=/etc/ssl/site-ca.pem
SOON=864000 # seconds: of what is made here, only what is spoiled ends so soon

public() { openssl pkey -pubout -in "$1" 2>/dev/null; }
public_of() { openssl x509 -noout -pubkey -in "$1" 2>/dev/null; }
print() { openssl x509 -noout -fingerprint -sha256 -in "$1" 2>/dev/null; }

# The bundle holds the CA's certificate, and nothing that is not one.
bundle_is_whole() {
        local n whole
        n=$(grep -c 'BEGIN CERTIFICATE' $BUNDLE 2>/dev/null) || return
        # a certificate is 64 columns of base64 between its lines
        whole=$(grep -cvE '^-----(BEGIN|END) CERTIFICATE-----$|^[A-Za-z0-9+/=]{1,64}$' $BUNDLE)
        [ "$whole" = 0 ] && [ "$n" -ge 1 ] &&
                grep -qF "$(sed -n 3p "$CA/ca.pem")" $BUNDLE
}

good() {
        [ -n "$(public_of "$CA/ca.pem")" ] && [ "$(public_of "$CA/ca.pem")" = "$(public "$CA/ca.key")" ] &&
                [ "$(public_of $CERT)" = "$(public $KEY)" ] && bundle_is_whole &&
                openssl verify -x509_strict -no-CApath -no-CAstore -CAfile "$CA/ca.pem" $CERT >/dev/null 2>&1 &&
                openssl verify -x509_strict -no-CApath -no-CAstore -CAfile $BUNDLE $CERT >/dev/null 2>&1 &&
                openssl x509 -checkend $SOON -noout -in $CERT >/dev/null &&
                openssl x509 -checkend $SOON -noout -in "$CA/ca.pem" >/dev/null
}

# sign CA KEY: a certificate for the key in place, as that authority would sign it
sign() {
        openssl req -new -key $KEY -subj /CN=web.example.org 2>/dev/null |
                openssl x509 -req -days 90 -CA "$1" -CAkey "$2" -set_serial "0x5$(openssl rand -hex 15)" -extfile <(
                        echo subjectAltName=DNS:web.example.org
                        echo keyUsage=critical,digitalSignature
                        echo extendedKeyUsage=serverAuth
                        echo authorityKeyIdentifier=keyid
                ) 2>/dev/null
}

# aged CERTIFICATE: the same, nearly at its end
aged() {
        certtool --update-certificate --load-certificate "$1" --load-ca-certificate "$CA/ca.pem" --load-ca-privkey "$CA/ca.key" \
                --template <(
                        date -u -d '-20 hours' '+activation_date = "%F %T"'
                        date -u -d '+2 hours' '+expiration_date = "%F %T"'
                ) 2>/dev/null
}

prepare() {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /root/stranger.key \
                -out /root/stranger.pem -subj "/CN=stranger" -days 300 2>/dev/null
}

# What takes time is made before; the change itself is the last step.
make_ready() {
        case $1 in
        stray) sign /root/stranger.pem /root/stranger.key | as_long_as $CERT ;;
        expiring) aged $CERT | as_long_as $CERT ;;
        authority-expiring) aged "$CA/ca.pem" | as_long_as "$CA/ca.pem" ;;
        esac >/root/ready.pem
}

# With empty lines at the end, so that one write puts it in the place of the whole file: of a file that is empty first, who
# watches it sees that, when the processor is busy elsewhere in between.
as_long_as() {
        cat
        head -c "$(stat -c %s "$1")" /dev/zero | tr '\0' '\n'
}
over() { dd if=/root/ready.pem of="$1" bs=1M conv=notrunc status=none; }

change() {
        case $1 in
        ca-removed) rm "$CA/ca.pem" ;;
        ca-key-removed) rm "$CA/ca.key" ;;
        cert-removed) rm $CERT ;;
        key-removed) rm $KEY ;;
        bundle-removed) rm $BUNDLE ;;
        bundle-edited) echo "# a line more" >>$BUNDLE ;;
        bundle-replaced) cat /root/stranger.pem >$BUNDLE ;;
        stray | expiring) over $CERT ;;
        authority-expiring) over "$CA/ca.pem" ;;
        *) return 1 ;;
        esac
}

timed() {
        local begin end
        make_ready "$1"
        begin=${EPOCHREALTIME/./}
        change "$1" || return
        end=$((begin + 90000000)) # against hanging
        until good; do
                [ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
                sleep 0.01
        done
        echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

case $1 in
prepare) prepare ;;
spoil) make_ready "$2" && change "$2" ;;
good) good ;;
timed) timed "$2" ;;
esac

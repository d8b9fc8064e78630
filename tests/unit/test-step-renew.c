/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be the base of a renewal: a table of what is installed against what is wanted. A CA gives the old names and the
 * old lifetime whatever is asked for, so that each difference must be seen here. */

#include "common/timespan.h"
#include "tests/unit/step-call.h"

#include <time.h>

#define URL     ", \"url\": \"https://ca.example:9000\""
#define ACCOUNT ", \"password_file\": \"/etc/pw\""
#define RENEW   ", \"renewal\": \"renew\""
#define REKEY   ", \"renewal\": \"rekey\""

typedef struct Case {
        const char *what, *config;
        const char *san;         /* wanted; NULL: as installed */
        KeyType next;            /* of the request's key, where it is another */
        int64_t ends;            /* seconds from now */
        uint64_t lifetime;       /* asked for */
        bool other_key;          /* the request's key is not the installed one's */
        bool lost_key;           /* the agent's key is not the installed certificate's */
        bool nothing;            /* is installed */
        bool can;
} Case;

static const Case cases[] = {
        { .what = "renew: all is as it was", .config = RENEW ACCOUNT, .ends = 3600, .can = true },
        { .what = "renew: no password is needed", .config = RENEW, .ends = 3600, .can = true },
        { .what = "renew: nothing is installed", .config = RENEW ACCOUNT, .nothing = true },
        { .what = "renew: another name is wanted", .config = RENEW ACCOUNT, .san = "other.example", .ends = 3600 },
        { .what = "renew: the key is another", .config = RENEW ACCOUNT, .other_key = true, .ends = 3600 },
        { .what = "renew: it has expired, and the CA may allow that", .config = RENEW ACCOUNT, .ends = -60, .can = true },
        { .what = "renew: its key is not at hand", .config = RENEW ACCOUNT, .lost_key = true, .ends = 3600 },
        { .what = "renew: as long as before", .config = RENEW ACCOUNT, .ends = 3600, .lifetime = 3600 + 3600 - 60, .can = true },
        { .what = "renew: longer than before", .config = RENEW ACCOUNT, .ends = 3600, .lifetime = 24 * 3600 },
        { .what = "renew: shorter than before", .config = RENEW ACCOUNT, .ends = 3600, .lifetime = 3600 },
        { .what = "renew: longer, but nobody to sign", .config = RENEW, .ends = 3600, .lifetime = 24 * 3600, .can = true },
        { .what = "rekey: with a new key", .config = REKEY ACCOUNT, .other_key = true, .ends = 3600, .can = true },
        { .what = "rekey: of another kind", .config = REKEY ACCOUNT, .other_key = true, .next = KEY_TYPE_ED25519, .ends = 3600 },
        { .what = "rekey: larger", .config = REKEY ACCOUNT, .other_key = true, .next = KEY_TYPE_ECDSA_P384, .ends = 3600 },
        { .what = "rekey: it has expired, and TLS takes none such", .config = REKEY ACCOUNT, .other_key = true, .ends = -60 },
        { .what = "rekey: another name is wanted", .config = REKEY ACCOUNT, .other_key = true, .san = "b.example", .ends = 3600 },
};

static void check(const FixtureAuthority *a, const Case *t)
{
        g_autoptr(ManifestCertificate) m = fixture_certificate_new("web");
        g_autoptr(GBytes) pem = fixture_key_new(KEY_TYPE_ECDSA_P256), leaf = NULL;
        g_autofree char *config = g_strconcat(URL, t->config, NULL);
        Key *key = key_new_from_pem(pem, NULL), *next = key_new(t->next, NULL);
        g_auto(SignerThread) s = { .current = t->lost_key ? next : key };
        g_autoptr(IssuerRequest) r = NULL;
        g_autoptr(StepCall) c = NULL;

        leaf = fixture_authority_sign(a, m, pem, time(NULL) - 3600, time(NULL) + t->ends);
        if (t->san)
                fixture_certificate_set_sans(m, (const char *[]){ t->san, NULL });
        m->lifetime_usec = t->lifetime * USEC_PER_SEC;
        r = step_request_new(m, t->other_key ? next : key, t->nothing ? NULL : leaf);
        signer_thread_start(&s);
        c = step_call_new(config, &s);
        if (step_can_renew(c, r) != t->can)
                g_error("%s: %s", t->what, t->can ? "is refused" : "is taken");
        signer_thread_end(&s);
        key_unref(key);
        key_unref(next);
}

static void test_what_differs_is_signed_anew(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                check(a, &cases[i]);
}

static void test_what_is_no_certificate_is_no_base(void)
{
        g_autoptr(ManifestCertificate) m = fixture_certificate_new("web");
        g_autoptr(GBytes) odd = g_bytes_new_static("not DER", 7);
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_auto(SignerThread) s = { .current = key };
        g_autoptr(IssuerRequest) r = step_request_new(m, key, odd);
        g_autoptr(StepCall) c = NULL;

        signer_thread_start(&s);
        c = step_call_new(URL RENEW ACCOUNT, &s);
        g_assert_false(step_can_renew(c, r));
        signer_thread_end(&s);
        key_unref(key);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/step-renew/what differs is signed anew", test_what_differs_is_signed_anew);
        g_test_add_func("/step-renew/what is no certificate is no base", test_what_is_no_certificate_is_no_base);
        return g_test_run();
}

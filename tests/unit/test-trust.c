/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust: what a bundle holds of local and other issuers, in which order, when its text changes and when it does not; and
 * which served chains it trusts. */

#include "agent/trust.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <string.h>
#include <time.h>

#define DAY (24 * 3600)

typedef struct Fixture {
        char *root;
        Manifest m;
        GHashTable *facts;
        ManifestCertificate *bundle;
        FixtureAuthority *first, *second, *third;
} Fixture;

static void issuer_destroy(gpointer p)
{
        ManifestIssuer *i = p;

        g_free(i->name);
        g_free(i->authority);
        g_free(i);
}

static void add_issuer(Fixture *f, const char *name, bool local)
{
        ManifestIssuer *i = g_new0(ManifestIssuer, 1);

        i->name = g_strdup(name);
        i->type = (char *) (local ? "local" : "step");
        i->authority = local ? g_new0(ManifestAuthority, 1) : NULL;
        g_hash_table_insert(f->m.issuers, i->name, i);
}

static void facts_destroy(gpointer p)
{
        authority_facts_unref(p);
}

static void set_up(Fixture *f, gconstpointer data)
{
        time_t now = time(NULL);

        f->root = fixture_root_new();
        f->m.issuers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, issuer_destroy);
        f->facts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, facts_destroy);
        f->bundle = fixture_bundle_new("all");
        f->first = fixture_authority_new_between(now - 2 * DAY, now + 365 * DAY);
        f->second = fixture_authority_new_between(now - DAY, now + 365 * DAY);
        f->third = fixture_authority_new_between(now - DAY / 2, now + 365 * DAY);
        add_issuer(f, "site", true);
        add_issuer(f, "lab", true);
        add_issuer(f, "foreign", false);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        g_hash_table_unref(f->m.issuers);
        g_hash_table_unref(f->facts);
        fixture_certificate_free(f->bundle);
        fixture_authority_free(f->first);
        fixture_authority_free(f->second);
        fixture_authority_free(f->third);
        fixture_root_free(f->root);
}

static void bundle_is_from(Fixture *f, const char *names)
{
        g_strfreev(f->bundle->from);
        f->bundle->from = g_strsplit(names, " ", -1);
}

/* What the authority of `issuer` says: "current", "next" (or NULL) and "old" (or NULL), in no particular order. */
static void says(Fixture *f, const char *issuer, bool missing, const FixtureAuthority *current,
                 const FixtureAuthority *next, const FixtureAuthority *old)
{
        const FixtureAuthority *all[] = { next, old, current };
        const AuthorityRole roles[] = { AUTHORITY_ROLE_NEXT, AUTHORITY_ROLE_OLD, AUTHORITY_ROLE_CURRENT };
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        AuthorityRole kept[3];
        AuthorityFacts *facts;

        for (unsigned i = 0; i < 3; i++)
                if (all[i]) {
                        kept[ders->len] = roles[i];
                        g_ptr_array_add(ders, all[i]->der);
                }
        facts = authority_facts_new(missing, ders, kept, NULL, &error);
        g_assert_no_error(error);
        g_hash_table_replace(f->facts, g_strdup(issuer), facts);
}

static void foreign_roots(const FixtureAuthority *a, const FixtureAuthority *b)
{
        g_autoptr(GPtrArray) roots = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(roots, a->der);
        if (b)
                g_ptr_array_add(roots, b->der);
        roots_keep("foreign", roots, &error);
        g_assert_no_error(error);
}

static char *compose(Fixture *f)
{
        const ManifestIssuer *unknown = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) pem = trust_compose(f->bundle, &f->m, f->facts, &unknown, &error);

        g_assert_no_error(error);
        g_assert_null(unknown);
        g_assert_nonnull(pem);
        return g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));
}

static void assert_unknown(Fixture *f, const char *issuer)
{
        const ManifestIssuer *unknown = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_null(trust_compose(f->bundle, &f->m, f->facts, &unknown, &error));
        g_assert_no_error(error);
        g_assert_nonnull(unknown);
        g_assert_cmpstr(unknown->name, ==, issuer);
}

/* The text holds exactly these, in this order, as PEM (RFC 7468, 5.1) and nothing else. */
static void assert_holds(const char *text, const FixtureAuthority *a, const FixtureAuthority *b,
                         const FixtureAuthority *c)
{
        const FixtureAuthority *all[] = { a, b, c };
        g_autoptr(GString) wanted = g_string_new(NULL);

        for (unsigned i = 0; i < 3 && all[i]; i++) {
                gnutls_datum_t pem;

                g_assert_cmpint(gnutls_x509_crt_export2(all[i]->crt, GNUTLS_X509_FMT_PEM, &pem), ==, 0);
                g_string_append_len(wanted, (char *) pem.data, pem.size);
                gnutls_free(pem.data);
        }
        g_assert_cmpstr(text, ==, wanted->str);
        g_assert_true(g_str_has_prefix(text, "-----BEGIN CERTIFICATE-----\n"));
        g_assert_true(g_str_has_suffix(text, "-----END CERTIFICATE-----\n"));
}

/* ---- What it holds ---- */

static void test_one_issuer(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;

        says(f, "site", false, f->first, NULL, NULL);
        text = compose(f);
        assert_holds(text, f->first, NULL, NULL);
}

static void test_several_issuers_in_the_order_of_the_manifest(Fixture *f, gconstpointer data)
{
        g_autofree char *there = NULL, *back = NULL;

        says(f, "site", false, f->second, NULL, NULL);
        says(f, "lab", false, f->first, NULL, NULL);
        bundle_is_from(f, "site lab");
        there = compose(f);
        assert_holds(there, f->second, f->first, NULL);
        bundle_is_from(f, "lab site");
        back = compose(f);
        assert_holds(back, f->first, f->second, NULL);
}

static void test_a_local_and_a_foreign_one(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;

        says(f, "site", false, f->first, NULL, NULL);
        foreign_roots(f->third, f->second);
        bundle_is_from(f, "foreign site");
        text = compose(f);
        assert_holds(text, f->third, f->second, f->first);
}

static void test_one_certificate_of_two_issuers(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;

        says(f, "site", false, f->first, NULL, NULL);
        foreign_roots(f->second, f->first);
        bundle_is_from(f, "foreign site");
        text = compose(f);
        assert_holds(text, f->second, f->first, NULL);
}

/* ---- When it changes ---- */

static void test_a_rotation(Fixture *f, gconstpointer data)
{
        g_autofree char *before = NULL, *begun = NULL, *promoted = NULL, *retired = NULL;

        says(f, "site", false, f->first, NULL, NULL);
        before = compose(f);
        says(f, "site", false, f->first, f->second, NULL);
        begun = compose(f);
        says(f, "site", false, f->second, NULL, f->first);
        promoted = compose(f);
        says(f, "site", false, f->second, NULL, NULL);
        retired = compose(f);

        assert_holds(before, f->first, NULL, NULL);
        assert_holds(begun, f->first, f->second, NULL);
        g_assert_cmpstr(promoted, ==, begun); /* nothing is written and no unit told */
        assert_holds(retired, f->second, NULL, NULL);
}

static void test_the_digest_is_of_the_text(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) pem = g_bytes_new_static("abc", 3);
        g_autofree char *digest = trust_digest(pem);

        /* FIPS 180-2, B.1 */
        g_assert_cmpstr(digest, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* ---- When it is not known ---- */

static void test_roots_that_are_not_known_yet(Fixture *f, gconstpointer data)
{
        bundle_is_from(f, "site foreign lab");
        assert_unknown(f, "site");
        says(f, "site", false, f->first, NULL, NULL);
        assert_unknown(f, "foreign");
        foreign_roots(f->second, NULL);
        assert_unknown(f, "lab");
}

/* Its key is gone: what is left must not be taken for all that is trusted, or the bundle would lose what the
 * certificates in place were signed by. */
static void test_what_is_left_of_an_authority_is_not_its_trust(Fixture *f, gconstpointer data)
{
        says(f, "site", true, NULL, NULL, f->first);
        assert_unknown(f, "site");
        says(f, "site", true, NULL, NULL, NULL);
        assert_unknown(f, "site");
}

static void test_an_issuer_that_is_not_in_the_manifest(Fixture *f, gconstpointer data)
{
        const ManifestIssuer *unknown = NULL;
        g_autoptr(GError) error = NULL;

        bundle_is_from(f, "nobody");
        g_assert_null(trust_compose(f->bundle, &f->m, f->facts, &unknown, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER);
        g_assert_nonnull(strstr(error->message, "nobody"));
}

/* ---- Chains ---- */

static GBytes *leaf_of(const FixtureAuthority *a, time_t from, time_t to)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256);

        return fixture_authority_sign(a, c, key, from, to);
}

/* A bundle of one or two. */
static GBytes *pem_of(const FixtureAuthority *a, const FixtureAuthority *b)
{
        g_autoptr(GPtrArray) roots = g_ptr_array_new();

        g_ptr_array_add(roots, a->der);
        if (b)
                g_ptr_array_add(roots, b->der);
        return roots_to_pem(roots, NULL);
}

static void assert_trusts(GBytes *bundle, GBytes *leaf, GBytes *more, time_t now)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(chain, leaf);
        if (more)
                g_ptr_array_add(chain, more);
        g_assert_true(trust_check_chain(bundle, chain, (uint64_t) now * USEC_PER_SEC, &error));
        g_assert_no_error(error);
}

static void assert_distrusts(GBytes *bundle, GBytes *leaf, GBytes *more, time_t now, const char *words)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        if (leaf)
                g_ptr_array_add(chain, leaf);
        if (more)
                g_ptr_array_add(chain, more);
        g_assert_false(trust_check_chain(bundle, chain, (uint64_t) now * USEC_PER_SEC, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        if (!strstr(error->message, words))
                g_error("\"%s\" does not say \"%s\"", error->message, words);
        g_assert_false(trust_check_chain(bundle, chain, (uint64_t) now * USEC_PER_SEC, NULL));
}

static void test_chains_of_a_rotation(Fixture *f, gconstpointer data)
{
        time_t now = time(NULL);
        g_autoptr(GBytes) both = pem_of(f->first, f->second), only = pem_of(f->second, NULL);
        g_autoptr(GBytes) by_first = leaf_of(f->first, now - 60, now + DAY);
        g_autoptr(GBytes) by_second = leaf_of(f->second, now - 60, now + DAY);
        g_autoptr(GBytes) by_third = leaf_of(f->third, now - 60, now + DAY);

        assert_trusts(both, by_first, NULL, now);
        assert_trusts(both, by_second, NULL, now);
        assert_trusts(only, by_second, NULL, now);
        assert_distrusts(only, by_first, NULL, now, "leads to none");
        assert_distrusts(both, by_third, NULL, now, "(2 of 2)");
}

static void test_a_server_that_sends_more_than_it_must(Fixture *f, gconstpointer data)
{
        time_t now = time(NULL);
        g_autoptr(FixtureAuthority) past = fixture_authority_new_between(now - DAY, now - 60);
        g_autoptr(GBytes) bundle = pem_of(f->first, f->second);
        g_autoptr(GBytes) leaf = leaf_of(f->first, now - 60, now + DAY), other = leaf_of(past, now - DAY, now - 60);

        assert_trusts(bundle, leaf, f->first->der, now);
        assert_trusts(bundle, leaf, f->third->der, now);
        assert_trusts(bundle, leaf, past->der, now);
        assert_trusts(bundle, leaf, other, now);
}

/* The same authority as one that an older one signed: servers send that for clients that know but the older one. */
static GBytes *cross_certificate(const FixtureAuthority *a, const FixtureAuthority *by, time_t from, time_t to)
{
        gnutls_x509_crt_t crt;
        gnutls_datum_t der;
        uint8_t id[64];
        size_t size = sizeof id;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_version(crt, 3), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_get_subject_key_id(a->crt, id, &size, NULL), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_subject_key_id(crt, id, size), ==, 0);
        size = sizeof id;
        g_assert_cmpint(gnutls_x509_crt_get_subject_key_id(by->crt, id, &size, NULL), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_authority_key_id(crt, id, size), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_serial(crt, "\x42", 1), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_dn(crt, "CN=Test Authority", NULL), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_key(crt, a->key), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_activation_time(crt, from), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_expiration_time(crt, to), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_basic_constraints(crt, 1, -1), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_sign2(crt, by->crt, by->key, GNUTLS_DIG_SHA256, 0), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
        gnutls_x509_crt_deinit(crt);
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

static void test_a_cross_certificate(Fixture *f, gconstpointer data)
{
        time_t now = time(NULL);
        g_autoptr(GBytes) leaf = leaf_of(f->first, now - 60, now + DAY);
        g_autoptr(GBytes) good = cross_certificate(f->first, f->third, now - DAY, now + DAY);
        g_autoptr(GBytes) past = cross_certificate(f->first, f->third, now - DAY, now - 60);
        g_autoptr(GBytes) known = pem_of(f->first, NULL), older = pem_of(f->third, NULL);

        assert_trusts(known, leaf, good, now);
        assert_trusts(known, leaf, past, now); /* who has the root itself needs it not */
        assert_trusts(older, leaf, good, now);
        assert_distrusts(older, leaf, past, now, "an intermediate certificate that is served expired");
        assert_distrusts(older, leaf, NULL, now, "leads to none");
}

static void test_dates(Fixture *f, gconstpointer data)
{
        time_t now = time(NULL);
        g_autoptr(FixtureAuthority) brief = fixture_authority_new_between(now - DAY, now + 60);
        g_autoptr(GBytes) bundle = pem_of(f->first, brief), alone = pem_of(brief, NULL);
        g_autoptr(GBytes) leaf = leaf_of(f->first, now - 60, now + 60), past = leaf_of(brief, now - 60, now + DAY);

        assert_trusts(bundle, leaf, NULL, now);
        assert_distrusts(bundle, leaf, NULL, now - 61, "is not valid before");
        assert_distrusts(bundle, leaf, NULL, now + 61, "expired on");
        assert_trusts(bundle, past, NULL, now);
        assert_distrusts(bundle, past, NULL, now + 61, "(1 of 2)"); /* its root has expired */
        assert_distrusts(alone, past, NULL, now + 61, "none of the 1");
}

static void test_what_cannot_be_judged(Fixture *f, gconstpointer data)
{
        time_t now = time(NULL);
        g_autoptr(GBytes) bundle = pem_of(f->first, NULL), garbage = g_bytes_new_static("garbage", 7);
        g_autoptr(GBytes) empty = g_bytes_new_static("", 0), leaf = leaf_of(f->first, now - 60, now + DAY);

        assert_distrusts(bundle, garbage, NULL, now, "number 1");
        assert_distrusts(bundle, leaf, garbage, now, "number 2");
        assert_distrusts(bundle, NULL, NULL, now, "0 certificates");
        assert_distrusts(garbage, leaf, NULL, now, "no certificate that can be read");
        assert_distrusts(empty, leaf, NULL, now, "no certificate that can be read");
}

#define ADD(path, test) g_test_add("/trust/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("one issuer", test_one_issuer);
        ADD("several issuers, in the order of the manifest", test_several_issuers_in_the_order_of_the_manifest);
        ADD("a local and a foreign one", test_a_local_and_a_foreign_one);
        ADD("one certificate of two issuers", test_one_certificate_of_two_issuers);
        ADD("a rotation's begin changes it, a promotion does not", test_a_rotation);
        ADD("the digest is of the text", test_the_digest_is_of_the_text);
        ADD("roots that are not known yet", test_roots_that_are_not_known_yet);
        ADD("what is left of an authority is not its trust", test_what_is_left_of_an_authority_is_not_its_trust);
        ADD("an issuer that is not in the manifest", test_an_issuer_that_is_not_in_the_manifest);
        ADD("chains of a rotation", test_chains_of_a_rotation);
        ADD("a server that sends more than it must", test_a_server_that_sends_more_than_it_must);
        ADD("a cross certificate", test_a_cross_certificate);
        ADD("dates", test_dates);
        ADD("what cannot be judged", test_what_cannot_be_judged);
        return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The check of an issuer's answer: one flaw at a time in certificates that are right otherwise. */

#include "agent/chain.h"
#include "agent/key.h"
#include "common/error.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <string.h>
#include <time.h>

#define DAY (24 * 3600)

/* What a certificate is to be; zeros are the right thing. */
typedef struct Wish {
        const char *subject;
        const char *sans[3];
        int64_t from, to; /* seconds from now; 0, 0: an hour ago, in 30 days */
        bool ca, no_ca_bit_but_cert_sign, no_eku, client_only, sha1, v1;
} Wish;

typedef struct Bench {
        ManifestCertificate *c;
        FixtureAuthority *root;
        gnutls_x509_privkey_t key, intermediate_key;
        gnutls_x509_crt_t intermediate;
        gnutls_pubkey_t wanted;
        ChainOrigin origin;
} Bench;

static void must(int r)
{
        if (r < 0)
                g_error("%s", gnutls_strerror(r));
}

static gnutls_x509_privkey_t new_key(void)
{
        gnutls_x509_privkey_t key;

        must(gnutls_x509_privkey_init(&key));
        must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
        return key;
}

static gnutls_x509_crt_t new_crt(gnutls_x509_privkey_t key, const Wish *w, gnutls_x509_crt_t issuer,
                                 gnutls_x509_privkey_t issuer_key)
{
        static unsigned char serial = 1;
        gnutls_x509_crt_t crt;
        time_t now = time(NULL);

        must(gnutls_x509_crt_init(&crt));
        must(gnutls_x509_crt_set_version(crt, w->v1 ? 1 : 3));
        must(gnutls_x509_crt_set_key(crt, key));
        must(gnutls_x509_crt_set_serial(crt, &serial, 1));
        serial++;
        must(gnutls_x509_crt_set_dn(crt, w->subject ?: "CN=web.example", NULL));
        must(gnutls_x509_crt_set_activation_time(crt, now + (w->to ? w->from : -3600)));
        must(gnutls_x509_crt_set_expiration_time(crt, now + (w->to ?: 30 * DAY)));
        if (!w->v1) {
                for (size_t i = 0; i < 3 && w->sans[i]; i++)
                        must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, w->sans[i],
                                                                  strlen(w->sans[i]), GNUTLS_FSAN_APPEND));
                must(gnutls_x509_crt_set_basic_constraints(crt, w->ca, -1));
                must(gnutls_x509_crt_set_key_usage(crt, w->ca || w->no_ca_bit_but_cert_sign
                                                                ? GNUTLS_KEY_KEY_CERT_SIGN
                                                                : GNUTLS_KEY_DIGITAL_SIGNATURE));
                if (!w->no_eku && !w->ca)
                        must(gnutls_x509_crt_set_key_purpose_oid(
                                crt, w->client_only ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER,
                                0));
        }
        must(gnutls_x509_crt_sign2(crt, issuer, issuer_key, w->sha1 ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256,
                                   0));
        return crt;
}

static GBytes *to_der(gnutls_x509_crt_t crt)
{
        gnutls_datum_t der;

        must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der));
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

static GPtrArray *list_of(GBytes *first, ...)
{
        GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        va_list arguments;

        va_start(arguments, first);
        for (GBytes *b = first; b; b = va_arg(arguments, GBytes *))
                g_ptr_array_add(list, b);
        va_end(arguments);
        return list;
}

static Bench *bench_new(const Wish *intermediate)
{
        Bench *b = g_new0(Bench, 1);
        gnutls_privkey_t key;

        b->c = fixture_certificate_new("web");
        b->root = fixture_authority_new();
        b->key = new_key();
        b->intermediate_key = new_key();
        b->intermediate = new_crt(b->intermediate_key, intermediate, b->root->crt, b->root->key);
        must(gnutls_privkey_init(&key));
        must(gnutls_privkey_import_x509(key, b->key, 0));
        must(gnutls_pubkey_init(&b->wanted));
        must(gnutls_pubkey_import_privkey(b->wanted, key, 0, 0));
        gnutls_privkey_deinit(key);
        return b;
}

static void bench_free(Bench *b)
{
        fixture_certificate_free(b->c);
        fixture_authority_free(b->root);
        gnutls_x509_privkey_deinit(b->key);
        gnutls_x509_privkey_deinit(b->intermediate_key);
        gnutls_x509_crt_deinit(b->intermediate);
        gnutls_pubkey_deinit(b->wanted);
        g_free(b);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

static const Wish good_intermediate = { .subject = "CN=intermediate", .ca = true };

static bool check(Bench *b, GPtrArray *chain, GPtrArray *roots, GError **error)
{
        g_autoptr(GPtrArray) mended = chain_mend(chain, b->wanted, error);
        g_autoptr(Generation) g = mended ? generation_new(NULL, mended, roots, error) : NULL;

        return g && chain_check(b->c, g, b->wanted, b->origin, now_realtime(), error);
}

/* A leaf below the root alone. */
static bool check_leaf(Bench *b, const Wish *w, GError **error)
{
        gnutls_x509_crt_t leaf = new_crt(b->key, w, b->root->crt, b->root->key);
        g_autoptr(GPtrArray) chain = list_of(to_der(leaf), NULL),
                             roots = list_of(g_bytes_ref(b->root->der), NULL);

        gnutls_x509_crt_deinit(leaf);
        return check(b, chain, roots, error);
}

typedef struct Case {
        const char *name;
        Wish wish;
        const char *says; /* NULL: it is right */
} Case;

static const Case cases[] = {
        { "as asked for", { .sans = { "web.example" } }, NULL },
        { "no common name", { .subject = "O=Example", .sans = { "web.example" } }, NULL },
        { "no usage at all is any usage", { .sans = { "web.example" }, .no_eku = true }, NULL },
        { "from four minutes from now", { .sans = { "web.example" }, .from = 240, .to = DAY }, NULL },
        { "a name is missing", { .sans = { NULL } }, "does not name web.example" },
        { "another name", { .sans = { "evil.example" } }, "does not name web.example" },
        { "a name more", { .sans = { "web.example", "evil.example" } }, "also names evil.example" },
        { "a wildcard more", { .sans = { "web.example", "*.example" } }, "also names *.example" },
        { "another common name",
          { .subject = "CN=evil.example", .sans = { "web.example" } },
          "its common name is \"evil.example\"" },
        { "a second common name",
          { .subject = "CN=web.example,CN=evil.example", .sans = { "web.example" } },
          "its common name is \"evil.example\"" },
        { "expired", { .sans = { "web.example" }, .from = -2 * DAY, .to = -DAY }, "expired on" },
        { "from tomorrow", { .sans = { "web.example" }, .from = DAY, .to = 2 * DAY }, "not valid before" },
        { "for half a minute", { .sans = { "web.example" }, .from = -10, .to = 20 }, "no sane time" },
        { "for clients", { .sans = { "web.example" }, .client_only = true }, "not for use as: server" },
        { "a CA", { .sans = { "web.example" }, .ca = true }, "is a CA certificate" },
        { "may sign certificates",
          { .sans = { "web.example" }, .no_ca_bit_but_cert_sign = true },
          "allows it to sign certificates" },
        { "version 1", { .v1 = true }, "version 3" },
        { "signed with SHA-1", { .sans = { "web.example" }, .sha1 = true }, "does not lead to" },
};

static void test_case(const void *data)
{
        const Case *t = data;
        g_autoptr(Bench) b = bench_new(&good_intermediate);
        g_autoptr(GError) error = NULL;
        bool good = check_leaf(b, &t->wish, &error);

        if (!t->says) {
                g_assert_no_error(error);
                g_assert_true(good);
                return;
        }
        g_assert_false(good);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        if (!strstr(error->message, t->says))
                g_error("\"%s\" does not say \"%s\"", error->message, t->says);
        g_assert_nonnull(strstr(error->message, "\"web\"")); /* to what */
        g_assert_nonnull(strchr(error->message, '\n'));      /* what to do */
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_null(strpbrk(error->message, "\x1b\r\t"));
}

static const Wish good_leaf = { .sans = { "web.example" } };

static GBytes *leaf_below_intermediate(Bench *b)
{
        gnutls_x509_crt_t leaf = new_crt(b->key, &good_leaf, b->intermediate, b->intermediate_key);
        GBytes *der = to_der(leaf);

        gnutls_x509_crt_deinit(leaf);
        return der;
}

static void test_another_key(void)
{
        g_autoptr(Bench) b = bench_new(&good_intermediate), other = bench_new(&good_intermediate);
        g_autoptr(GError) error = NULL;
        gnutls_pubkey_t wanted = b->wanted;

        b->wanted = other->wanted;
        g_assert_false(check_leaf(b, &good_leaf, &error));
        b->wanted = wanted;
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(error->message, "another key"));
}

static void test_an_intermediate_in_any_order(void)
{
        g_autoptr(Bench) b = bench_new(&good_intermediate), stranger = bench_new(&good_intermediate);
        g_autoptr(GBytes) leaf = leaf_below_intermediate(b);
        g_autoptr(GPtrArray) roots = list_of(g_bytes_ref(b->root->der), NULL);
        GBytes *all[] = { leaf, to_der(b->intermediate), b->root->der, stranger->root->der };

        /* each of the 24 orders, with the root, a stranger, and everything twice */
        for (unsigned order = 0; order < 24; order++) {
                g_autoptr(GPtrArray) chain = g_ptr_array_new(), mended = NULL;
                g_autoptr(GError) error = NULL;
                unsigned left[4] = { 0, 1, 2, 3 }, n = order;

                for (unsigned k = 4; k > 0; k--) {
                        unsigned pick = n % k;

                        n /= k;
                        g_ptr_array_add(chain, all[left[pick]]);
                        g_ptr_array_add(chain, all[left[pick]]);
                        for (unsigned i = pick; i + 1 < k; i++)
                                left[i] = left[i + 1];
                }
                mended = chain_mend(chain, b->wanted, &error);
                g_assert_no_error(error);
                g_assert_cmpuint(mended->len, ==, 2);
                g_assert_true(g_bytes_equal(mended->pdata[0], all[0]));
                g_assert_true(g_bytes_equal(mended->pdata[1], all[1]));
                g_assert_true(check(b, chain, roots, &error));
                g_assert_no_error(error);
        }
        g_bytes_unref(all[1]);
}

static void assert_path_fails(Bench *b, GPtrArray *chain, GPtrArray *roots, const char *says)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(check(b, chain, roots, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        if (!strstr(error->message, says))
                g_error("\"%s\" does not say \"%s\"", error->message, says);
}

static void test_the_intermediate_is_missing(void)
{
        g_autoptr(Bench) b = bench_new(&good_intermediate);
        g_autoptr(GPtrArray) chain = list_of(leaf_below_intermediate(b), NULL);
        g_autoptr(GPtrArray) roots = list_of(g_bytes_ref(b->root->der), NULL);

        assert_path_fails(b, chain, roots, "does not lead to one of the issuer's roots");
}

static void test_the_root_is_another(void)
{
        g_autoptr(Bench) b = bench_new(&good_intermediate), other = bench_new(&good_intermediate);
        g_autoptr(GPtrArray) chain = list_of(leaf_below_intermediate(b), to_der(b->intermediate), NULL);
        g_autoptr(GPtrArray) roots = list_of(g_bytes_ref(other->root->der), NULL);

        assert_path_fails(b, chain, roots, "does not lead to one of the issuer's roots");
}

/* A rotation: each of an authority's certificates is a root of its own, and all have one name. Who signed is found in
 * whatever place it stands, with key identifiers (RFC 5280, 4.2.1.1) and without. */
static void check_several_roots(bool key_ids)
{
        FixtureAuthority *all[3];
        g_autoptr(Bench) b = bench_new(&good_intermediate);

        for (unsigned i = 0; i < 3; i++)
                all[i] = key_ids ? fixture_authority_new_between(time(NULL) - DAY, time(NULL) + 365 * DAY)
                                 : fixture_authority_new();
        for (unsigned signer = 0; signer < 3; signer++) {
                g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256);
                g_autoptr(Key) k = key_new_from_pem(key, NULL);
                g_autoptr(GPtrArray) chain = list_of(
                        fixture_authority_sign(all[signer], b->c, key, time(NULL) - 60, time(NULL) + DAY), NULL);
                gnutls_pubkey_t wanted = b->wanted;

                b->wanted = key_public(k);
                for (unsigned missing = 0; missing < 4; missing++) { /* 3: none */
                        g_autoptr(GPtrArray) roots = g_ptr_array_new();
                        g_autoptr(GError) error = NULL;

                        for (unsigned i = 0; i < 3; i++)
                                if (i != missing)
                                        g_ptr_array_add(roots, all[i]->der);
                        if (missing == signer) {
                                assert_path_fails(b, chain, roots, "does not lead to one of the issuer's roots");
                                continue;
                        }
                        g_assert_true(check(b, chain, roots, &error));
                        g_assert_no_error(error);
                }
                b->wanted = wanted;
        }
        for (unsigned i = 0; i < 3; i++)
                fixture_authority_free(all[i]);
}

static void test_several_roots_of_one_name(void)
{
        check_several_roots(true);
        check_several_roots(false);
}

static void test_there_are_no_roots(void)
{
        g_autoptr(Bench) b = bench_new(&good_intermediate);
        g_autoptr(GPtrArray) chain = list_of(leaf_below_intermediate(b), to_der(b->intermediate), NULL);
        g_autoptr(GPtrArray) roots = g_ptr_array_new();

        assert_path_fails(b, chain, roots, "gave no root certificate");
}

static void test_the_intermediate_has_expired(void)
{
        const Wish expired = { .subject = "CN=intermediate", .ca = true, .from = -2 * DAY, .to = -DAY };
        g_autoptr(Bench) b = bench_new(&expired);
        g_autoptr(GPtrArray) chain = list_of(leaf_below_intermediate(b), to_der(b->intermediate), NULL);
        g_autoptr(GPtrArray) roots = list_of(g_bytes_ref(b->root->der), NULL);

        assert_path_fails(b, chain, roots, "an intermediate certificate of its chain expired");
}

static void test_the_intermediate_is_no_authority(void)
{
        const Wish leaf = { .subject = "CN=intermediate", .sans = { "other.example" } };
        g_autoptr(Bench) b = bench_new(&leaf);
        g_autoptr(GPtrArray) chain = list_of(leaf_below_intermediate(b), to_der(b->intermediate), NULL);
        g_autoptr(GPtrArray) roots = list_of(g_bytes_ref(b->root->der), NULL);

        assert_path_fails(b, chain, roots, "does not lead to one of the issuer's roots");
}

static void test_too_many_certificates(void)
{
        g_autoptr(Bench) b = bench_new(&good_intermediate);
        g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_autoptr(GError) error = NULL;

        while (chain->len < CHAIN_MAX + 1)
                g_ptr_array_add(chain, g_bytes_ref(b->root->der));
        g_assert_null(chain_mend(chain, b->wanted, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *name = g_strdup_printf("/chain/leaf: %s", cases[i].name);

                g_test_add_data_func(name, &cases[i], test_case);
        }
        g_test_add_func("/chain/another key", test_another_key);
        g_test_add_func("/chain/an intermediate in any order", test_an_intermediate_in_any_order);
        g_test_add_func("/chain/the intermediate is missing", test_the_intermediate_is_missing);
        g_test_add_func("/chain/the root is another", test_the_root_is_another);
        g_test_add_func("/chain/several roots of one name", test_several_roots_of_one_name);
        g_test_add_func("/chain/there are no roots", test_there_are_no_roots);
        g_test_add_func("/chain/the intermediate has expired", test_the_intermediate_has_expired);
        g_test_add_func("/chain/the intermediate is no authority", test_the_intermediate_is_no_authority);
        g_test_add_func("/chain/too many certificates", test_too_many_certificates);
        return g_test_run();
}

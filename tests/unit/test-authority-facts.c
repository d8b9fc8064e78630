/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a local authority says of itself: read from real messages with real certificates, refused when it cannot be, kept
 * and read again, and asked who signed what. */

#include "agent/authority-facts.h"

#include "common/error.h"
#include "common/bounds.h"
#include "common/names.h"
#include "common/path.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define YEAR ((time_t) 31556952)
#define YEAR_2025 ((time_t) 1735689600)
#define CERTIFICATES_MAX 16 /* as the contract has it */
#define CERTIFICATE_MAX (64 * 1024)

/* Four certificates of one name, each a year younger than the one before. */
typedef struct World {
        char *root;
        FixtureAuthority *ca[4];
        sd_bus *bus; /* to nobody: messages can be made */
        sd_bus_message *m;
} World;

static void set_up(World *w, gconstpointer data)
{
        int pair[2];

        w->root = fixture_root_new();
        for (unsigned i = 0; i < G_N_ELEMENTS(w->ca); i++)
                w->ca[i] = fixture_authority_new_between(YEAR_2025 + (time_t) i * YEAR, YEAR_2025 + (time_t) (i + 3) * YEAR);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        g_assert_cmpint(sd_bus_new(&w->bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(w->bus, pair[0], pair[0]), >=, 0);
        g_assert_cmpint(sd_bus_start(w->bus), >=, 0);
        close(pair[1]);
}

static void tear_down(World *w, gconstpointer data)
{
        for (unsigned i = 0; i < G_N_ELEMENTS(w->ca); i++)
                fixture_authority_free(w->ca[i]);
        sd_bus_message_unref(w->m);
        sd_bus_close_unref(w->bus);
        fixture_root_free(w->root);
}

/* ---- From parts ---- */

#define CURRENT AUTHORITY_ROLE_CURRENT
#define NEXT AUTHORITY_ROLE_NEXT
#define OLD AUTHORITY_ROLE_OLD

static AuthorityFacts *make(World *w, unsigned n, const unsigned *which, const AuthorityRole *roles, char **revoked,
                            GError **error)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new();

        for (unsigned i = 0; i < n; i++)
                g_ptr_array_add(ders, w->ca[which[i]]->der);
        return authority_facts_new(false, ders, roles, revoked, error);
}

/* `...`: pairs of a certificate's number and its role. */
#define FACTS(w, n, revoked, ...) facts_of(w, n, (const int[]) { __VA_ARGS__ }, revoked)

static AuthorityFacts *facts_of(World *w, unsigned n, const int *pairs, char **revoked)
{
        g_autoptr(GError) error = NULL;
        AuthorityRole roles[4];
        unsigned which[4];
        AuthorityFacts *f;

        for (unsigned i = 0; i < n; i++) {
                which[i] = (unsigned) pairs[2 * i];
                roles[i] = (AuthorityRole) pairs[2 * i + 1];
        }
        f = make(w, n, which, roles, revoked, &error);
        g_assert_no_error(error);
        return f;
}

static const AuthorityCertificate *at(const AuthorityFacts *f, unsigned i)
{
        return g_ptr_array_index(f->certificates, i);
}

static void test_order(World *w, gconstpointer data)
{
        g_autoptr(AuthorityFacts) before = FACTS(w, 3, NULL, 2, NEXT, 0, OLD, 1, CURRENT);
        g_autoptr(AuthorityFacts) after = FACTS(w, 3, NULL, 1, OLD, 2, CURRENT, 0, OLD);
        g_autoptr(AuthorityFacts) fewer = FACTS(w, 2, NULL, 1, OLD, 2, CURRENT);

        for (unsigned i = 0; i < 3; i++) {
                g_assert_true(g_bytes_equal(at(before, i)->der, w->ca[i]->der));
                g_assert_cmpstr(at(before, i)->fingerprint, ==, at(after, i)->fingerprint);
                g_assert_cmpuint(at(before, i)->not_before, ==,
                                 (uint64_t) (YEAR_2025 + (time_t) i * YEAR) * G_USEC_PER_SEC);
                g_assert_cmpstr(at(before, i)->subject, ==, "CN=Test Authority");
                g_assert_cmpint(at(before, i)->key_type, ==, KEY_TYPE_ECDSA_P256);
        }
        g_assert_cmpstr(before->trust_digest, ==, after->trust_digest); /* a promotion changes nothing of the trust */
        g_assert_cmpstr(before->crl_digest, ==, after->crl_digest);
        g_assert_cmpstr(before->trust_digest, !=, fewer->trust_digest);
        g_assert_cmpstr(before->crl_digest, !=, fewer->crl_digest);
}

static void test_roles(World *w, gconstpointer data)
{
        g_autoptr(AuthorityFacts) f = FACTS(w, 4, NULL, 0, OLD, 1, OLD, 2, CURRENT, 3, NEXT);
        g_autoptr(AuthorityFacts) alone = FACTS(w, 1, NULL, 0, CURRENT);

        g_assert_true(authority_facts_in_role(f, CURRENT) == at(f, 2));
        g_assert_true(authority_facts_in_role(f, NEXT) == at(f, 3));
        g_assert_true(authority_facts_in_role(f, OLD) == at(f, 1)); /* the youngest */
        g_assert_null(authority_facts_in_role(alone, NEXT));
        g_assert_null(authority_facts_in_role(alone, OLD));
        g_assert_true(authority_facts_find(f, at(f, 1)->fingerprint) == at(f, 1));
        g_assert_null(authority_facts_find(alone, at(f, 1)->fingerprint));
        g_assert_null(authority_facts_find(f, NULL));
        for (int role = 0; role < _AUTHORITY_ROLE_MAX; role++)
                g_assert_cmpint(authority_role_from_string(authority_role_to_string((AuthorityRole) role)), ==, role);
        g_assert_cmpint(authority_role_from_string("root"), ==, _AUTHORITY_ROLE_INVALID);
}

static void test_refused_parts(World *w, gconstpointer data)
{
        static const struct {
                const char *what;
                unsigned n, which[3];
                AuthorityRole roles[3];
        } cases[] = {
                { "*two current*", 2, { 0, 1 }, { CURRENT, CURRENT } },
                { "*two next*", 3, { 0, 1, 2 }, { CURRENT, NEXT, NEXT } },
                { "*no current*", 1, { 0 }, { OLD } },
                { "*no current*", 0, { 0 }, { OLD } },
                { "*twice*", 2, { 0, 0 }, { CURRENT, OLD } },
        };
        g_autoptr(GBytes) noise = g_bytes_new_static("noise", 5);
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        g_autoptr(GError) error = NULL;
        AuthorityRole role = CURRENT;

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_null(make(w, cases[i].n, cases[i].which, cases[i].roles, NULL, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
                g_assert_true(g_pattern_match_simple(cases[i].what, error->message));
                g_clear_error(&error);
        }
        g_ptr_array_add(ders, noise);
        g_assert_null(authority_facts_new(false, ders, &role, NULL, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

/* What is left of an authority may be anything. */
static void test_missing(World *w, gconstpointer data)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        g_autoptr(AuthorityFacts) nothing = authority_facts_new(true, ders, NULL, NULL, NULL), left = NULL;
        AuthorityRole role = OLD;

        g_assert_true(nothing->missing);
        g_assert_cmpuint(nothing->certificates->len, ==, 0);
        g_ptr_array_add(ders, w->ca[0]->der);
        left = authority_facts_new(true, ders, &role, NULL, NULL);
        g_assert_true(left->missing);
        g_assert_null(authority_facts_in_role(left, CURRENT));
}

/* ---- Who signed, what is revoked ---- */

static gnutls_x509_crt_t leaf_of(const FixtureAuthority *ca, time_t from, time_t to)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256), der = fixture_authority_sign(ca, c, key, from, to);
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        gnutls_x509_crt_t leaf;

        g_assert_cmpint(gnutls_x509_crt_init(&leaf), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_import(leaf, &d, GNUTLS_X509_FMT_DER), ==, 0);
        return leaf;
}

static void test_signer(World *w, gconstpointer data)
{
        g_autoptr(AuthorityFacts) f = FACTS(w, 3, NULL, 0, OLD, 1, CURRENT, 2, NEXT);

        for (unsigned i = 0; i < G_N_ELEMENTS(w->ca); i++) {
                gnutls_x509_crt_t leaf = leaf_of(w->ca[i], YEAR_2025, YEAR_2025 + 20 * YEAR);

                g_assert_true(authority_facts_signer(f, leaf) == (i < 3 ? at(f, i) : NULL));
                gnutls_x509_crt_deinit(leaf);
        }
}

/* One name, and no key identifiers: the signature alone tells them apart. */
static void test_signer_without_identifiers(World *w, gconstpointer data)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new(), b = fixture_authority_new();
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        const AuthorityRole roles[] = { OLD, CURRENT };
        g_autoptr(AuthorityFacts) f = NULL;
        gnutls_x509_crt_t of_a = leaf_of(a, YEAR_2025, YEAR_2025 + YEAR), of_b = leaf_of(b, YEAR_2025, YEAR_2025 + YEAR);

        g_ptr_array_add(ders, a->der);
        g_ptr_array_add(ders, b->der);
        f = authority_facts_new(false, ders, roles, NULL, NULL);
        g_assert_true(authority_facts_signer(f, of_a) == authority_facts_in_role(f, OLD));
        g_assert_true(authority_facts_signer(f, of_b) == authority_facts_in_role(f, CURRENT));
        gnutls_x509_crt_deinit(of_a);
        gnutls_x509_crt_deinit(of_b);
}

static void test_signer_long_ago(World *w, gconstpointer data)
{
        g_autoptr(FixtureAuthority) ca = fixture_authority_new_between(YEAR_2025 - 20 * YEAR, YEAR_2025 - 10 * YEAR);
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        g_autoptr(AuthorityFacts) f = NULL;
        AuthorityRole role = CURRENT;
        gnutls_x509_crt_t leaf = leaf_of(ca, YEAR_2025 - 19 * YEAR, YEAR_2025 - 18 * YEAR);

        g_ptr_array_add(ders, ca->der);
        f = authority_facts_new(false, ders, &role, NULL, NULL);
        g_assert_true(authority_facts_signer(f, leaf) == at(f, 0));
        g_assert_true(authority_facts_signer(f, at(f, 0)->crt) == at(f, 0)); /* its own */
        gnutls_x509_crt_deinit(leaf);
}

static void test_revoked(World *w, gconstpointer data)
{
        char *list[] = { (char *) "7f02", (char *) "00ff", (char *) "0a", (char *) "7f02", NULL };
        g_autoptr(AuthorityFacts) f = FACTS(w, 1, list, 0, CURRENT), none = FACTS(w, 1, NULL, 0, CURRENT);

        g_assert_cmpuint(f->n_revoked, ==, 3);
        g_assert_cmpstr(f->revoked[0], ==, "0a");
        g_assert_cmpstr(f->revoked[1], ==, "7f02");
        g_assert_cmpstr(f->revoked[2], ==, "ff");
        g_assert_null(f->revoked[3]);
        g_assert_true(authority_facts_is_revoked(f, "7f02"));
        g_assert_true(authority_facts_is_revoked(f, "ff"));
        g_assert_true(authority_facts_is_revoked(f, "00ff"));
        g_assert_false(authority_facts_is_revoked(f, "7f"));
        g_assert_false(authority_facts_is_revoked(f, "00"));
        g_assert_false(authority_facts_is_revoked(none, "ff"));
        g_assert_cmpstr(f->trust_digest, ==, none->trust_digest);
        g_assert_cmpstr(f->crl_digest, !=, none->crl_digest);
        g_assert_cmpuint(strlen(f->crl_digest), ==, 64); /* a record keeps it as a digest */
        g_assert_cmpmem(f->crl_digest, 32, none->crl_digest, 32);
}

static void test_pem(World *w, gconstpointer data)
{
        g_autoptr(AuthorityFacts) f = FACTS(w, 3, NULL, 2, NEXT, 0, OLD, 1, CURRENT);
        g_autoptr(GBytes) pem = authority_facts_to_pem(f);
        gnutls_datum_t text = { (unsigned char *) g_bytes_get_data(pem, NULL), (unsigned) g_bytes_get_size(pem) };
        gnutls_x509_crt_t *list;
        unsigned n;

        g_assert_cmpint(gnutls_x509_crt_list_import2(&list, &n, &text, GNUTLS_X509_FMT_PEM, 0), >=, 0);
        g_assert_cmpuint(n, ==, 3);
        for (unsigned i = 0; i < n; i++) {
                g_assert_true(gnutls_x509_crt_equals(list[i], w->ca[i]->crt));
                gnutls_x509_crt_deinit(list[i]);
        }
        gnutls_free(list);
}

/* ---- From a message ---- */

static sd_bus_message *begin(World *w)
{
        w->m = sd_bus_message_unref(w->m);
        g_assert_cmpint(sd_bus_message_new_method_call(w->bus, &w->m, NULL, "/", "org.example", "Example"), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'a', "{sv}"), >=, 0);
        return w->m;
}

static AuthorityFacts *end(World *w, GError **error)
{
        g_assert_cmpint(sd_bus_message_close_container(w->m), >=, 0);
        g_assert_cmpint(sd_bus_message_seal(w->m, 1, 0), >=, 0);
        g_assert_cmpint(sd_bus_message_rewind(w->m, true), >=, 0);
        return authority_facts_read(w->m, "site", error);
}

#define APPEND(w, ...) g_assert_cmpint(sd_bus_message_append((w)->m, "{sv}", __VA_ARGS__), >=, 0)

/* `copies` times, in one value. */
static void append_certificate(World *w, const char *role, const void *der, size_t size, unsigned copies)
{
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'e', "sv"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(w->m, "s", "Certificates"), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'v', "a(say)"), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'a', "(say)"), >=, 0);
        for (unsigned i = 0; i < copies; i++) {
                g_assert_cmpint(sd_bus_message_open_container(w->m, 'r', "say"), >=, 0);
                g_assert_cmpint(sd_bus_message_append(w->m, "s", role), >=, 0);
                g_assert_cmpint(sd_bus_message_append_array(w->m, 'y', der, size), >=, 0);
                g_assert_cmpint(sd_bus_message_close_container(w->m), >=, 0);
        }
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(sd_bus_message_close_container(w->m), >=, 0);
}

static void append_ca(World *w, const char *role, unsigned which)
{
        append_certificate(w, role, g_bytes_get_data(w->ca[which]->der, NULL), g_bytes_get_size(w->ca[which]->der), 1);
}

static void test_read(World *w, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityFacts) f = NULL, missing = NULL;

        begin(w);
        APPEND(w, "Later", "a{ss}", 1, "a", "b"); /* a later version's */
        append_ca(w, "current", 1);
        APPEND(w, "Revoked", "as", 2, "ff", "0a");
        APPEND(w, "State", "s", "present");
        f = end(w, &error);
        g_assert_no_error(error);
        g_assert_false(f->missing);
        g_assert_true(g_bytes_equal(authority_facts_in_role(f, CURRENT)->der, w->ca[1]->der));
        g_assert_true(authority_facts_is_revoked(f, "0a"));
        begin(w);
        APPEND(w, "State", "s", "missing");
        missing = end(w, &error);
        g_assert_no_error(error);
        g_assert_true(missing->missing);
}

static void assert_broken(World *w, const char *pattern)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(end(w, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
        g_test_message("%s", error->message);
        g_assert_true(g_pattern_match_simple(pattern, error->message));
        g_assert_nonnull(strstr(error->message, "issuer \"site\""));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void test_read_broken(World *w, gconstpointer data)
{
        g_autofree char *large = g_malloc0(CERTIFICATE_MAX + 1), *long_serial = g_strnfill(129, 'a');

        begin(w);
        assert_broken(w, "*State is \"\"*");
        begin(w);
        APPEND(w, "State", "s", "perhaps\033[2J");
        assert_broken(w, "*\"perhaps?[2J\"*");
        begin(w);
        APPEND(w, "State", "t", UINT64_C(1));
        assert_broken(w, "*State is not of type s*");
        begin(w);
        APPEND(w, "State", "s", "present");
        assert_broken(w, "*no current*");
        begin(w);
        APPEND(w, "Certificates", "as", 0);
        assert_broken(w, "*Certificates is not of type a(say)*");
        begin(w);
        append_ca(w, "root", 0);
        assert_broken(w, "*as \"root\"*");
        begin(w);
        append_certificate(w, "current", "", 0, 1);
        assert_broken(w, "*of 0 bytes*");
        begin(w);
        append_certificate(w, "current", large, CERTIFICATE_MAX + 1, 1);
        assert_broken(w, "*of 65537 bytes*");
        begin(w);
        append_certificate(w, "old", "x", 1, CERTIFICATES_MAX + 1);
        assert_broken(w, "*as number 17*");
        begin(w);
        append_ca(w, "current", 0);
        append_ca(w, "next", 1);
        assert_broken(w, "*Certificates stands there twice*");
        begin(w);
        APPEND(w, "State", "s", "present");
        append_certificate(w, "current", "noise", 5, 1);
        assert_broken(w, "*cannot be read*");
        begin(w);
        APPEND(w, "Revoked", "ay", 1, 7);
        assert_broken(w, "*Revoked is not of type as*");
        begin(w);
        APPEND(w, "Revoked", "as", 1, "0A");
        assert_broken(w, "*\"0A\" as a revoked*");
        begin(w);
        APPEND(w, "Revoked", "as", 1, "");
        assert_broken(w, "*\"\" as a revoked*");
        begin(w);
        APPEND(w, "Revoked", "as", 1, long_serial);
        assert_broken(w, "*as a revoked*");
        begin(w);
        APPEND(w, "Revoked", "as", 0);
        APPEND(w, "Revoked", "as", 0);
        assert_broken(w, "*Revoked stands there twice*");
}

/* As the process says it: by fingerprint. */
static AuthorityFacts *read_issued_until(World *w, const char *one, uint64_t one_until, const char *other,
                                         uint64_t other_until)
{
        g_autoptr(GError) error = NULL;
        AuthorityFacts *f;

        begin(w);
        APPEND(w, "State", "s", "missing");
        append_ca(w, "old", 0);
        APPEND(w, "IssuedUntil", "a{st}", 2, one, one_until, other, other_until);
        f = end(w, &error);
        g_assert_no_error(error);
        return f;
}

static void test_issued_until(World *w, gconstpointer data)
{
        g_autofree char *id = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, w->ca[0]->der);
        uint64_t some = (uint64_t) (YEAR_2025 + 1000) * G_USEC_PER_SEC;
        g_autoptr(AuthorityFacts) f = read_issued_until(w, "0000", some + 1, id, some), again = NULL;
        g_autoptr(AuthorityFacts) for_ever = read_issued_until(w, "", 0, id, UINT64_MAX);
        g_autoptr(AuthorityFacts) none = FACTS(w, 2, NULL, 0, OLD, 1, CURRENT);

        g_assert_cmpuint(at(f, 0)->issued_until, ==, some);
        g_assert_cmpuint(authority_facts_old_needed_until(f), ==, some);
        g_assert_cmpuint(authority_facts_old_needed_until(none), ==, 0);
        g_assert_cmpuint(authority_facts_old_needed_until(for_ever), ==, at(for_ever, 0)->not_after); /* and no longer */
        authority_facts_save(f, "site");
        again = authority_facts_load("site");
        g_assert_cmpuint(authority_facts_old_needed_until(again), ==, some);
}

static void test_issued_until_broken(World *w, gconstpointer data)
{
        begin(w);
        APPEND(w, "IssuedUntil", "as", 0);
        assert_broken(w, "*IssuedUntil is not of type a{st}*");
        begin(w);
        APPEND(w, "IssuedUntil", "a{st}", 1, "a", UINT64_C(1));
        APPEND(w, "IssuedUntil", "a{st}", 0);
        assert_broken(w, "*IssuedUntil stands there twice*");
        begin(w);
        APPEND(w, "IssuedUntil", "a{st}", 17, "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a",
               UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a",
               UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a", UINT64_C(1), "a",
               UINT64_C(1));
        assert_broken(w, "*more than 16 entries in IssuedUntil*");
}

static void test_read_wrong_type(World *w, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(w->bus, &w->m, NULL, "/", "org.example", "Example"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(w->m, "s", "present"), >=, 0);
        g_assert_cmpint(sd_bus_message_seal(w->m, 1, 0), >=, 0);
        g_assert_cmpint(sd_bus_message_rewind(w->m, true), >=, 0);
        g_assert_null(authority_facts_read(w->m, "site", &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
}

/* The limit is the contract's; what is within it must not take long. */
static void test_many_revoked(World *w, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityFacts) f = NULL, kept = NULL;
        unsigned n = CERT_REVOKED_MAX;

        begin(w);
        APPEND(w, "State", "s", "present");
        append_ca(w, "current", 0);
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'e', "sv"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(w->m, "s", "Revoked"), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'v', "as"), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(w->m, 'a', "s"), >=, 0);
        for (unsigned i = 0; i < n + (data != NULL); i++) {
                char serial[40];

                g_snprintf(serial, sizeof(serial), "%08x%024x", i * 2654435761U, 7);
                g_assert_cmpint(sd_bus_message_append_basic(w->m, 's', serial), >=, 0);
        }
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(sd_bus_message_close_container(w->m), >=, 0);
        if (data) {
                assert_broken(w, "*more than 16384 *");
                return;
        }
        f = end(w, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(f->n_revoked, ==, n);
        g_assert_true(authority_facts_is_revoked(f, "9e3779b1000000000000000000000007"));
        authority_facts_save(f, "site");
        kept = authority_facts_load("site");
        g_assert_nonnull(kept);
        g_assert_cmpuint(kept->n_revoked, ==, n);
}

/* ---- Kept ---- */

static char *path_of(World *w, const char *issuer)
{
        g_autofree char *name = g_strconcat(CERT_AUTHORITY_FACTS_DIR "/", issuer, ".json", NULL);

        return fixture_path(w->root, name);
}

static void test_kept(World *w, gconstpointer data)
{
        char *revoked[] = { (char *) "ff", NULL };
        g_autoptr(AuthorityFacts) f = FACTS(w, 3, revoked, 0, OLD, 1, CURRENT, 2, NEXT), again = NULL;
        g_autofree char *path = path_of(w, "site");
        struct stat before, after;

        g_assert_null(authority_facts_load("site"));
        authority_facts_save(f, "site");
        again = authority_facts_load("site");
        g_assert_nonnull(again);
        g_assert_false(again->missing);
        g_assert_cmpstr(again->trust_digest, ==, f->trust_digest);
        g_assert_cmpstr(again->crl_digest, ==, f->crl_digest);
        for (unsigned i = 0; i < 3; i++)
                g_assert_cmpint(at(again, i)->role, ==, at(f, i)->role);
        g_assert_cmpint(stat(path, &before), ==, 0);
        g_assert_cmpuint(before.st_mode & 07777, ==, 0600);
        authority_facts_save(again, "site"); /* nothing changed: not written */
        g_assert_cmpint(stat(path, &after), ==, 0);
        g_assert_cmpuint(before.st_ino, ==, after.st_ino);
        g_assert_null(authority_facts_load("other"));
        g_assert_null(authority_facts_load("../authorities/site"));
        authority_facts_save(f, "../escaped");
        g_assert_null(authority_facts_load("../escaped"));
}

static void test_kept_missing(World *w, gconstpointer data)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        g_autoptr(AuthorityFacts) f = authority_facts_new(true, ders, NULL, NULL, NULL), again = NULL;

        authority_facts_save(f, "site");
        again = authority_facts_load("site");
        g_assert_true(again && again->missing);
        g_assert_cmpuint(again->certificates->len, ==, 0);
}

static void test_kept_damaged(World *w, gconstpointer data)
{
        static const char *const texts[] = {
                "", "[]", "{}", "null", "{\"version\":1}",
                "{\"version\":2,\"missing\":true,\"certificates\":[],\"revoked\":[]}",
                "{\"version\":1,\"missing\":false,\"certificates\":[],\"revoked\":[]}",
                "{\"version\":1,\"missing\":true,\"certificates\":[{}],\"revoked\":[]}",
                "{\"version\":1,\"missing\":true,\"certificates\":[7],\"revoked\":[]}",
                "{\"version\":1,\"missing\":true,\"certificates\":[],\"revoked\":[\"FF\"]}",
                "{\"version\":1,\"missing\":true,\"missing\":false,\"certificates\":[],\"revoked\":[]}",
        };
        g_autoptr(AuthorityFacts) f = FACTS(w, 2, NULL, 0, OLD, 1, CURRENT);
        g_autofree char *path = path_of(w, "site"), *content = NULL, *moved = g_strconcat(path, ".moved", NULL);
        gsize size;

        authority_facts_save(f, "site");
        g_assert_true(g_file_get_contents(path, &content, &size, NULL));
        for (gsize n = 0; n < size; n += 17) {
                g_assert_true(g_file_set_contents(path, content, (gssize) n, NULL));
                g_assert_null(authority_facts_load("site"));
        }
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
                g_assert_null(authority_facts_load("site"));
        }
        authority_facts_save(f, "site"); /* over what is damaged */
        g_assert_cmpint(rename(path, moved), ==, 0);
        g_assert_cmpint(symlink(moved, path), ==, 0);
        g_assert_null(authority_facts_load("site"));
        authority_facts_save(f, "site"); /* in the link's place, not through it */
        authority_facts_unref(authority_facts_load("site"));
        g_assert_false(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
}

static void test_references(World *w, gconstpointer data)
{
        AuthorityFacts *f = FACTS(w, 1, NULL, 0, CURRENT);

        g_assert_true(authority_facts_ref(f) == f);
        g_assert_null(authority_facts_unref(f));
        g_assert_cmpuint(f->certificates->len, ==, 1);
        g_assert_null(authority_facts_unref(f));
        g_assert_null(authority_facts_unref(NULL));
}

#define ADD(path, function) g_test_add("/authority-facts/" path, World, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("the order is by age, and a promotion does not change it", test_order);
        ADD("who is in which role", test_roles);
        ADD("parts that are no authority", test_refused_parts);
        ADD("one that is missing", test_missing);
        ADD("who signed a leaf, among certificates of one name", test_signer);
        ADD("who signed a leaf, without key identifiers", test_signer_without_identifiers);
        ADD("who signed a leaf long ago", test_signer_long_ago);
        ADD("what is revoked, however its number is written", test_revoked);
        ADD("until when an old one is needed elsewhere", test_issued_until);
        ADD("until when, in a form that is none", test_issued_until_broken);
        ADD("as PEM, in their order", test_pem);
        ADD("read from a message", test_read);
        ADD("messages that are wrong", test_read_broken);
        ADD("a message of another type", test_read_wrong_type);
        ADD("as many revoked ones as there may be", test_many_revoked);
        g_test_add("/authority-facts/one more revoked than there may be", World, "more", set_up, test_many_revoked,
                   tear_down);
        ADD("kept and read again", test_kept);
        ADD("a missing one, kept", test_kept_missing);
        ADD("what is kept may be damaged, or a link", test_kept_damaged);
        ADD("references are counted", test_references);
        return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge as a table: what was sent, what is trusted, what the clock says, and the codes that follow. The certificates are
 * real; the clock stands at NOW. */

#include "client/doctor/judge.h"
#include "common/timespan.h"

#include <gnutls/abstract.h>
#include <string.h>

#define NOW_SECONDS ((time_t) 1780000000) /* 2026-05-28 */
#define NOW         (UINT64_C(1780000000) * USEC_PER_SEC)
#define DAY         ((time_t) 86400)

/* ---- Certificates ---- */

typedef struct Recipe {
        const char *name, *issuer; /* the same: signed by itself */
        bool is_ca;
        int from, to; /* days from now; 0: a year ago, in a year */
        const char *dns, *ip;
        const char *purpose;
        unsigned rsa_bits; /* 0: P-256 */
        gnutls_digest_algorithm_t digest; /* 0: SHA-256 */
        const char *subject; /* NULL: the name */
} Recipe;

static const Recipe recipes[] = {
        { "root", "root", true },
        { "impostor", "impostor", true, .subject = "root" },
        { "other", "other", true },
        { "middle", "root", true },
        { "lower", "middle", true },
        { "old-middle", "root", true, -300, -2 },
        { "leaf", "middle", .dns = "www.example.org", .ip = "192.0.2.1", .purpose = GNUTLS_KP_TLS_WWW_SERVER },
        { "deep", "lower", .dns = "www.example.org" },
        { "direct", "root", .dns = "www.example.org" },
        { "alien", "other", .dns = "www.example.org" },
        { "lone", "lone", .dns = "www.example.org" },
        { "under-old", "old-middle", .dns = "www.example.org" },
        { "expired", "root", false, -100, -1, .dns = "www.example.org" },
        { "future", "root", false, 5, 100, .dns = "www.example.org" },
        { "soon", "root", false, -85, 5, .dns = "www.example.org" },
        { "www.example.org", "root" },
        { "nameless", "root", .ip = "192.0.2.1" },
        { "client", "root", .dns = "www.example.org", .purpose = GNUTLS_KP_TLS_WWW_CLIENT },
        { "anything", "root", .dns = "www.example.org", .purpose = "2.5.29.37.0" },
        { "weak", "root", .dns = "www.example.org", .rsa_bits = 1024 },
        { "sha1", "root", .dns = "www.example.org", .digest = GNUTLS_DIG_SHA1 },
        { "no-ca", "root", false },
        { "by-no-ca", "no-ca", .dns = "www.example.org" },
};

typedef struct Made {
        gnutls_x509_crt_t crt;
        gnutls_x509_privkey_t key;
} Made;

static Made made[G_N_ELEMENTS(recipes)];

static const Made *find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(recipes); i++)
                if (g_str_equal(recipes[i].name, name))
                        return &made[i];
        g_error("no certificate \"%s\"", name);
}

static void ok(int r)
{
        g_assert_cmpstr(r < 0 ? gnutls_strerror(r) : "", ==, "");
}

static void make_key(const Recipe *r, Made *m)
{
        ok(gnutls_x509_privkey_init(&m->key));
        if (r->rsa_bits)
                ok(gnutls_x509_privkey_generate(m->key, GNUTLS_PK_RSA, r->rsa_bits, 0));
        else
                ok(gnutls_x509_privkey_generate(m->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
}

static void set_id(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
        unsigned char id[64];
        size_t size = sizeof id;

        ok(gnutls_x509_crt_get_key_id(crt, 0, id, &size));
        ok(gnutls_x509_crt_set_subject_key_id(crt, id, size));
        size = sizeof id;
        ok(gnutls_x509_crt_get_key_id(issuer, 0, id, &size));
        ok(gnutls_x509_crt_set_authority_key_id(crt, id, size));
}

static void make(const Recipe *r, Made *m)
{
        const Made *issuer;
        const char *subject = r->subject ?: r->name;
        unsigned char serial = (unsigned char) (m - made + 1), address[4] = { 192, 0, 2, 1 };

        make_key(r, m);
        ok(gnutls_x509_crt_init(&m->crt));
        ok(gnutls_x509_crt_set_version(m->crt, 3));
        ok(gnutls_x509_crt_set_serial(m->crt, &serial, 1));
        ok(gnutls_x509_crt_set_dn_by_oid(m->crt, GNUTLS_OID_X520_COMMON_NAME, 0, subject, (unsigned) strlen(subject)));
        ok(gnutls_x509_crt_set_activation_time(m->crt, NOW_SECONDS + (r->from || r->to ? r->from : -365) * DAY));
        ok(gnutls_x509_crt_set_expiration_time(m->crt, NOW_SECONDS + (r->to ? r->to : 365) * DAY));
        ok(gnutls_x509_crt_set_key(m->crt, m->key));
        ok(gnutls_x509_crt_set_basic_constraints(m->crt, r->is_ca, -1));
        if (r->dns)
                ok(gnutls_x509_crt_set_subject_alt_name(m->crt, GNUTLS_SAN_DNSNAME, r->dns, (unsigned) strlen(r->dns), GNUTLS_FSAN_APPEND));
        if (r->ip)
                ok(gnutls_x509_crt_set_subject_alt_name(m->crt, GNUTLS_SAN_IPADDRESS, address, sizeof address, GNUTLS_FSAN_APPEND));
        if (r->purpose)
                ok(gnutls_x509_crt_set_key_purpose_oid(m->crt, r->purpose, 0));
        issuer = find(r->issuer);
        set_id(m->crt, issuer->crt);
        ok(gnutls_x509_crt_sign2(m->crt, issuer->crt, issuer->key, r->digest ?: GNUTLS_DIG_SHA256, 0));
}

static void add_der(GPtrArray *list, gnutls_x509_crt_t crt)
{
        gnutls_datum_t der;

        ok(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der));
        g_ptr_array_add(list, g_bytes_new(der.data, der.size));
        gnutls_free(der.data);
}

static Anchors *anchors(const char *names, const char *use)
{
        g_auto(GStrv) list = g_strsplit(names, " ", -1);
        g_autoptr(GByteArray) pem = g_byte_array_new();
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(GError) error = NULL;
        Anchors *a;

        for (char **name = list; *name; name++) {
                gnutls_datum_t text;

                ok(gnutls_x509_crt_export2(find(*name)->crt, GNUTLS_X509_FMT_PEM, &text));
                g_byte_array_append(pem, text.data, text.size);
                gnutls_free(text.data);
        }
        bytes = g_bytes_new(pem->data, pem->len);
        a = anchors_of_pem(bytes, g_strdup("the set"), g_strdup(use), &error);
        g_assert_no_error(error);
        return a;
}

/* ---- Chains, times, names ---- */

/* "expired, expires-soon(warning)" */
static char *codes_of(const GPtrArray *list)
{
        GString *s = g_string_new(NULL);

        for (guint i = 0; i < list->len; i++) {
                const Diagnosis *d = list->pdata[i];

                g_assert_cmpstr(d->hint, !=, "");
                g_string_append_printf(s, "%s%s%s", i > 0 ? " " : "", diagnosis_code_to_string(d->code),
                                       d->is_warning ? "(warning)" : "");
        }
        return g_string_free(s, FALSE);
}

typedef struct Row {
        const char *what, *sent, *trust, *others, *name, *codes;
        bool is_chosen;
        bool is_file; /* the others are no set that a client begins with */
        uint64_t seen, server_time; /* days from now, times a day */
        const char *says; /* in the first message or hint */
} Row;

#define AFTER(days)  (NOW + (days) * USEC_PER_DAY)
#define BEFORE(days) (NOW - (days) * USEC_PER_DAY)
#define WWW          "www.example.org"

static const Row rows[] = {
        { "a good chain", "leaf middle", "root", NULL, WWW, "" },
        { "a good chain, by address", "leaf middle", "root", NULL, "192.0.2.1", "" },
        { "a leaf that the root signed", "direct", "root", NULL, WWW, "" },
        { "a leaf that is trusted itself", "lone", "lone", NULL, WWW, "" },
        { "an intermediate that is trusted without its root", "leaf", "middle", NULL, WWW, "" },

        { "an unknown root", "leaf middle", "other", NULL, WWW, "unknown-authority" },
        { "an unknown root that another set knows", "leaf middle", "other", "root", WWW, "unknown-authority", .says = "use the other" },
        { "an unknown root of the same name", "direct", "impostor", NULL, WWW, "unknown-authority", .says = "another key" },
        { "signed by itself", "lone", "root", NULL, WWW, "unknown-authority", .says = "signed by itself" },
        { "alone, its issuer unknown", "leaf", "other", NULL, WWW, "unknown-authority", .says = "if it is an intermediate" },
        { "alone, where the CA is known", "leaf", "root", NULL, WWW, "incomplete-chain", .is_chosen = true },
        { "alone, the intermediate elsewhere on this host", "leaf", "root", "other middle", WWW, "incomplete-chain", .says = "\"middle\"" },
        { "alone, the intermediate beside the root", "leaf", "middle root", NULL, WWW, "incomplete-chain(warning)" },
        { "a gap of two", "deep", "root", "lower middle", WWW, "incomplete-chain", .says = "\"lower\"" },
        { "a gap and an unknown root", "leaf", "other", "middle", WWW, "incomplete-chain unknown-authority", .is_file = true },
        { "a gap, known as a whole by another set", "leaf", "other", "root middle", WWW, "unknown-authority" },

        { "wrong order", "deep middle lower", "root", NULL, WWW, "chain-order", .says = "\"middle\" comes where \"lower\"" },
        { "a root in the middle", "leaf root middle", "root", NULL, WWW, "chain-order" },
        { "a root at the end", "leaf middle root", "root", NULL, WWW, "superfluous-certificate(warning)" },
        { "an alien at the end", "leaf middle other", "root", NULL, WWW, "superfluous-certificate(warning)" },
        { "the same one twice", "leaf leaf middle", "root", NULL, WWW, "chain-order" },
        { "signed by what is no CA", "by-no-ca no-ca", "root", NULL, WWW, "invalid-chain" },

        { "expired", "expired", "root", NULL, WWW, "expired" },
        { "an expired intermediate", "under-old old-middle", "root", NULL, WWW, "expired", .says = "\"old-middle\"" },
        { "expired, but the server's clock is before that", "expired", "root", NULL, WWW, "expired", .server_time = BEFORE(3),
          .says = "one of the two is wrong" },
        { "expired, and the server's clock is known to be wrong", "expired", "root", NULL, WWW, "expired", .server_time = BEFORE(3),
          .seen = NOW, .says = "the server's clock is behind" },
        { "not yet valid", "future", "root", NULL, WWW, "not-yet-valid" },
        { "not yet valid, as this host's files are younger", "future", "root", NULL, WWW, "clock", .seen = AFTER(6) },
        { "not yet valid, as the server's clock is later", "future", "root", NULL, WWW, "clock", .server_time = AFTER(6) },
        { "not yet valid, for the server neither", "future", "root", NULL, WWW, "not-yet-valid", .server_time = NOW },
        { "expires soon", "soon", "root", NULL, WWW, "expires-soon(warning)" },

        { "another name", "leaf middle", "root", NULL, "shop.example.org", "name-mismatch", .says = "ip:192.0.2.1, www.example.org" },
        { "another address", "leaf middle", "root", NULL, "192.0.2.2", "address-mismatch" },
        { "an address of IPv6", "leaf middle", "root", NULL, "2001:db8::1", "address-mismatch" },
        { "a name in the common name alone", "www.example.org", "root", NULL, WWW, "name-mismatch", .says = "only as its common name" },
        { "a name in the common name, addresses beside it", "nameless", "root", NULL, "nameless", "name-mismatch",
          .says = "only as its common name" },
        { "no name to compare", "leaf middle", "root", NULL, NULL, "" },

        { "for clients", "client", "root", NULL, WWW, "server-usage" },
        { "for anything", "anything", "root", NULL, WWW, "" },
        { "an RSA key of 1024 bits", "weak", "root", NULL, WWW, "key-too-weak", .says = "1024" },
        { "a signature with SHA-1", "sha1", "root", NULL, WWW, "key-too-weak", .says = "SHA1" },
        { "several at once", "expired", "other", NULL, "192.0.2.1", "unknown-authority expired address-mismatch" },
};

static Session *established(const char *sent)
{
        g_auto(GStrv) names = g_strsplit(sent, " ", -1);
        Session *s = session_new();

        s->end = SESSION_ESTABLISHED;
        s->proven = true;
        s->version = GNUTLS_TLS1_3;
        for (char **name = names; *name; name++)
                add_der(s->chain, find(*name)->crt);
        return s;
}

static void assert_says(const GPtrArray *list, const char *words)
{
        const Diagnosis *d = list->len > 0 ? list->pdata[0] : NULL;
        g_autofree char *text = d ? g_strconcat(d->message, "\n", d->hint, NULL) : g_strdup("");

        if (words && !strstr(text, words))
                g_error("\"%s\" is not in: %s", words, text);
}

static void test_table(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const Row *r = &rows[i];
                g_autoptr(Session) s = established(r->sent);
                g_autoptr(Anchors) trust = anchors(r->trust, NULL), other = r->others ? anchors(r->others, r->is_file ? NULL : "use the other") : NULL;
                g_autoptr(GPtrArray) others = g_ptr_array_new(), list = diagnosis_list_new(),
                                     notes = g_ptr_array_new_with_free_func(g_free);
                g_autofree char *codes = NULL;
                Case c = { .session = s, .name = r->name, .trust = trust, .trust_is_chosen = r->is_chosen, .others = others,
                           .now = NOW, .seen = r->seen, .seen_where = "the file /x", .is_for_servers = true };

                g_test_message("%s", r->what);
                s->server_time = r->server_time;
                if (other)
                        g_ptr_array_add(others, other);
                judge(&c, list, notes);
                codes = codes_of(list);
                g_assert_cmpstr(codes, ==, r->codes);
                assert_says(list, r->says);
        }
}

static void test_of_many_that_know_it_some_are_named(void)
{
        g_autoptr(Session) s = established("direct");
        g_autoptr(Anchors) trust = anchors("other", NULL), known = anchors("root", "use it");
        g_autoptr(GPtrArray) others = g_ptr_array_new(), list = diagnosis_list_new(), notes = g_ptr_array_new_with_free_func(g_free);
        Case c = { .session = s, .name = WWW, .trust = trust, .others = others, .now = NOW };

        for (int i = 0; i < 200; i++)
                g_ptr_array_add(others, known);
        judge(&c, list, notes);
        g_assert_cmpuint(list->len, ==, 1);
        assert_says(list, "known by: the set; the set; the set and 197 more.");
}

/* ---- Sessions ---- */

typedef struct SessionRow {
        const char *what;
        Session session; /* what differs from an established one */
        bool has_identity, is_client;
        const char *identity; /* of the chain that was shown */
        const char *asked_for;
        const char *codes;
        guint notes;
} SessionRow;

static const SessionRow session_rows[] = {
        { "TLS 1.1", { .version = GNUTLS_TLS1_1 }, .codes = "protocol-too-old" },
        { "TLS 1.0", { .version = GNUTLS_TLS1_0 }, .codes = "protocol-too-old" },
        { "TLS 1.2", { .version = GNUTLS_TLS1_2 }, .codes = "" },
        { "no version in common", { .end = SESSION_ALERT, .alert = GNUTLS_A_PROTOCOL_VERSION }, .codes = "protocol-too-old" },
        { "no cipher in common", { .end = SESSION_ALERT, .alert = GNUTLS_A_HANDSHAKE_FAILURE }, .codes = "handshake-failed" },
        { "a name that it does not know", { .end = SESSION_ALERT, .alert = GNUTLS_A_UNRECOGNIZED_NAME }, .codes = "name-mismatch" },
        { "an alert that nobody knows", { .end = SESSION_ALERT, .alert = 211 }, .codes = "handshake-failed" },
        { "small Diffie-Hellman", { .end = SESSION_FAILED, .error = GNUTLS_E_DH_PRIME_UNACCEPTABLE }, .codes = "key-too-weak" },
        { "silence in the handshake", { .end = SESSION_TIMED_OUT, .proven = true }, .codes = "unreachable" },
        { "asked, none shown, let in", { .asked = true }, .codes = "", .notes = 1 },
        { "asked, none shown, refused by TLS 1.2", { .asked = true, .refused = true, .end = SESSION_ALERT, .alert = 40, .proven = true },
          .codes = "client-certificate-missing" },
        { "asked, none shown, refused by TLS 1.3", { .asked = true, .refused = true, .alert = GNUTLS_A_CERTIFICATE_REQUIRED },
          .codes = "client-certificate-missing" },
        { "asked, none shown, refused by nginx", { .asked = true, .refused = true, .http_status = 400 }, .codes = "client-certificate-missing" },
        { "shown, and let in", { .asked = true, .presented = true }, .identity = "client", .codes = "" },
        { "shown, and refused", { .asked = true, .presented = true, .refused = true, .alert = GNUTLS_A_UNKNOWN_CA },
          .identity = "client", .asked_for = "other", .codes = "client-certificate-refused" },
        { "shown, refused though it is asked for", { .asked = true, .presented = true, .refused = true, .alert = GNUTLS_A_BAD_CERTIFICATE },
          .identity = "client", .asked_for = "root", .codes = "client-certificate-refused" },
        { "shown, of the wrong usage", { .asked = true, .presented = true, .refused = true, .alert = 43 }, .identity = "leaf",
          .codes = "client-certificate-usage" },
        { "shown, of the wrong usage, and let in", { .asked = true, .presented = true }, .identity = "leaf",
          .codes = "client-certificate-usage(warning)" },
        { "shown, expired", { .asked = true, .presented = true, .refused = true, .alert = 45 }, .identity = "expired", .codes = "expired" },
        { "not asked", { .asked = false }, .identity = "client", .codes = "", .notes = 1 },
};

static void add_name(GPtrArray *list, const char *name)
{
        gnutls_datum_t dn;

        ok(gnutls_x509_crt_get_raw_dn(find(name)->crt, &dn));
        g_ptr_array_add(list, g_bytes_new(dn.data, dn.size));
        gnutls_free(dn.data);
}

static void test_sessions(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(session_rows); i++) {
                const SessionRow *r = &session_rows[i];
                g_autoptr(Session) s = established("direct");
                g_autoptr(GPtrArray) list = diagnosis_list_new(), notes = g_ptr_array_new_with_free_func(g_free);
                gnutls_x509_crt_t leaf = r->identity ? find(r->identity)->crt : NULL;
                Identity identity = { .name = (char *) "app", .chain = { &leaf, 1 } };
                g_autofree char *codes = NULL;
                Case c = { .session = s, .name = WWW, .identity = leaf ? &identity : NULL, .now = NOW };

                g_test_message("%s", r->what);
                s->end = r->session.end;
                s->error = r->session.error;
                s->alert = r->session.alert ?: SESSION_NO_ALERT;
                s->version = r->session.version ?: GNUTLS_TLS1_3;
                s->proven = r->session.end == SESSION_ESTABLISHED || r->session.proven;
                s->asked = r->session.asked;
                s->presented = r->session.presented;
                s->refused = r->session.refused;
                s->http_status = r->session.http_status;
                if (r->asked_for)
                        add_name(s->asked_for, r->asked_for);
                judge_session(&c, list, notes);
                codes = codes_of(list);
                g_assert_cmpstr(codes, ==, r->codes);
                g_assert_cmpuint(notes->len, ==, r->notes);
        }
}

static void test_no_certificate_and_what_is_none(void)
{
        g_autoptr(Session) empty = established("direct"), broken = established("direct");
        g_autoptr(GPtrArray) first = diagnosis_list_new(), second = diagnosis_list_new(), notes = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(Anchors) trust = anchors("root", NULL);
        g_autofree char *codes = NULL, *more = NULL;
        Case c = { .session = empty, .name = WWW, .trust = trust, .now = NOW };

        g_ptr_array_set_size(empty->chain, 0);
        judge(&c, first, notes);
        codes = codes_of(first);
        g_assert_cmpstr(codes, ==, "no-certificate");
        g_ptr_array_add(broken->chain, g_bytes_new_static("no DER", 6));
        c.session = broken;
        judge(&c, second, notes);
        more = codes_of(second);
        g_assert_cmpstr(more, ==, "invalid-chain");
}

/* ---- A certificate of the agent's ---- */

static void test_of_the_agents(void)
{
        g_autoptr(Session) s = established("soon");
        g_autoptr(Anchors) trust = anchors("root", NULL);
        g_autofree char *print = words_fingerprint(find("soon")->crt);
        char *units[] = { (char *) "nginx.service", NULL };
        const struct {
                const char *what, *fingerprint;
                uint64_t next_renewal;
                const char *codes;
        } cases[] = {
                { "what is on disk is served, and will be renewed", print, AFTER(2), "" },
                { "its renewal is planned for too late", print, AFTER(9), "expires-soon(warning)" },
                { "no renewal is planned", print, 0, "expires-soon(warning)" },
                { "another one is on disk", "00ff", AFTER(2), "old-certificate" },
                { "nothing is known of the disk", "", AFTER(2), "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GPtrArray) list = diagnosis_list_new(), notes = g_ptr_array_new_with_free_func(g_free);
                g_autofree char *codes = NULL;
                Case c = { .session = s, .name = WWW, .trust = trust, .now = NOW, .certificate = "web", .units = units,
                           .fingerprint = cases[i].fingerprint, .next_renewal = cases[i].next_renewal, .is_for_servers = true };

                g_test_message("%s", cases[i].what);
                judge(&c, list, notes);
                codes = codes_of(list);
                g_assert_cmpstr(codes, ==, cases[i].codes);
                if (g_str_equal(codes, "old-certificate"))
                        assert_says(list, "systemctl reload nginx.service");
        }
}

static void test_what_another_one_lacks_is_not_the_manifests_matter(void)
{
        g_autoptr(Session) s = established("soon");
        g_autoptr(Anchors) trust = anchors("root", NULL);
        g_autoptr(GPtrArray) list = diagnosis_list_new(), notes = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *codes = NULL;
        Case c = { .session = s, .name = "shop.example.org", .trust = trust, .now = NOW, .certificate = "web",
                   .fingerprint = "00ff", .next_renewal = AFTER(2) };

        judge(&c, list, notes);
        codes = codes_of(list);
        g_assert_cmpstr(codes, ==, "old-certificate name-mismatch");
        for (guint i = 0; i < list->len; i++)
                g_assert_null(strstr(((Diagnosis *) list->pdata[i])->hint, "\"sans\""));
}

static void test_revoked(void)
{
        g_autoptr(Session) s = established("direct");
        g_autoptr(Anchors) trust = anchors("root", NULL);
        g_autoptr(GPtrArray) list = diagnosis_list_new(), notes = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *codes = NULL;
        const Made *root = find("root");
        gnutls_x509_crl_t crl, read;
        gnutls_datum_t der;
        Case c = { .session = s, .name = WWW, .trust = trust, .now = NOW, .crls = &read, .n_crls = 1 };

        ok(gnutls_x509_crl_init(&crl));
        ok(gnutls_x509_crl_set_version(crl, 2));
        ok(gnutls_x509_crl_set_this_update(crl, NOW_SECONDS));
        ok(gnutls_x509_crl_set_next_update(crl, NOW_SECONDS + DAY));
        ok(gnutls_x509_crl_set_crt(crl, find("direct")->crt, NOW_SECONDS));
        ok(gnutls_x509_crl_sign2(crl, root->crt, root->key, GNUTLS_DIG_SHA256, 0));
        ok(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_DER, &der)); /* GnuTLS knows its issuer only once it has read it */
        ok(gnutls_x509_crl_init(&read));
        ok(gnutls_x509_crl_import(read, &der, GNUTLS_X509_FMT_DER));
        gnutls_free(der.data);
        judge(&c, list, notes);
        codes = codes_of(list);
        g_assert_cmpstr(codes, ==, "revoked");
        gnutls_x509_crl_deinit(read);
        gnutls_x509_crl_deinit(crl);
}

int main(int argc, char **argv)
{
        int r;

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(recipes); i++)
                make(&recipes[i], &made[i]);
        g_test_add_func("/judge/table", test_table);
        g_test_add_func("/judge/of-many-that-know-it-some-are-named", test_of_many_that_know_it_some_are_named);
        g_test_add_func("/judge/sessions", test_sessions);
        g_test_add_func("/judge/no-certificate-and-what-is-none", test_no_certificate_and_what_is_none);
        g_test_add_func("/judge/of-the-agents", test_of_the_agents);
        g_test_add_func("/judge/what-another-one-lacks-is-not-the-manifests-matter",
                        test_what_another_one_lacks_is_not_the_manifests_matter);
        g_test_add_func("/judge/revoked", test_revoked);
        r = g_test_run();
        for (size_t i = 0; i < G_N_ELEMENTS(recipes); i++) {
                gnutls_x509_crt_deinit(made[i].crt);
                gnutls_x509_privkey_deinit(made[i].key);
        }
        return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Local authorities, bundles and revocation lists of the manifest: what is read of them, and that everything
 * that is wrong with them is found. */

#include "tests/unit/manifest-host.h"

#define BUNDLE "\"from\": [\"site\"], \"path\": \"/etc/tls/ca.pem\""

/* A manifest with a local authority "site" of these members (each with a comma before it) and more at the
 * top. */
static void write_site(const Host *h, const char *members, const char *top)
{
        g_autofree char *text = g_strdup_printf(
                "{\"version\": 1,\n\"issuers\": {\"site\": {\"type\": \"local\"%s}}%s}", members, top);

        write_text(h, CERT_MANIFEST_FILE, text);
}

/* The same with one bundle "x". */
static void write_bundle(const Host *h, const char *object)
{
        g_autofree char *top = g_strdup_printf(",\n\"bundles\": {\"x\": %s}", object);

        write_site(h, "", top);
}

static const ManifestAuthority *site(const Host *h)
{
        const ManifestIssuer *issuer = manifest_find_issuer(h->manifest, "site");

        g_assert_nonnull(issuer);
        g_assert_nonnull(issuer->authority);
        return issuer->authority;
}

static const ManifestCertificate *find(const Host *h, const char *name)
{
        const ManifestCertificate *c = manifest_find(h->manifest, name);

        g_assert_nonnull(c);
        return c;
}

/* ---- What is read ---- */

static void test_all_keys_of_an_authority_are_read(Host *h, const void *data)
{
        const ManifestCertificate *crl;

        write_site(
                h,
                ", \"timeout\": \"5s\", \"subject\": \"CN=Site CA,O=Example\",\n"
                "\"key\": {\"type\": \"ecdsa-p384\", \"protection\": \"credential\"}, \"lifetime\": \"2y\",\n"
                "\"certificate_lifetime\": \"30d\", \"renew_before\": \"60d\", \"path_length\": 8,\n"
                "\"names\": {\"permitted\": [\"example.org\", \"dns:example.com\", \"ip:192.0.2.0/24\", "
                "\"email:example.org\", \"uri:example.org\"], \"excluded\": [\"secret.example.org\"]},\n"
                "\"bundle_drift\": \"recreate\", \"stray\": \"recreate\", \"rotation_grace\": \"0s\", "
                "\"watch\": "
                "true,\n\"crl_path\": \"/etc/tls/site.crl\", \"crl_lifetime\": \"2d\", \"crl_units\": "
                "[{\"unit\": \"nginx.service\", \"action\": \"reload\"}]",
                "");
        assert_loads(h);
        g_assert_false(site(h)->renew_before.is_percent);
        g_assert_cmpuint(site(h)->renew_before.usec, ==, 60 * USEC_PER_DAY);
        g_assert_true(site(h)->recreate_on_bundle_drift);
        g_assert_true(site(h)->recreate_on_stray);
        g_assert_cmpuint(site(h)->grace_usec, ==, 0);
        g_assert_true(site(h)->watch);
        g_assert_cmpuint(strlen(site(h)->request_digest), ==, 64);
        crl = find(h, "crl:site");
        g_assert_cmpint(crl->kind, ==, MANIFEST_KIND_CRL);
        g_assert_cmpstr(crl->from[0], ==, "site");
        g_assert_null(crl->from[1]);
        g_assert_cmpstr(crl->issuer, ==, "site");
        g_assert_cmpstr(crl->path[MANAGED_FILE_CA], ==, "/etc/tls/site.crl");
        g_assert_cmpuint(crl->lifetime_usec, ==, 2 * USEC_PER_DAY);
        g_assert_cmpint(crl->cert_attributes.mode, ==, 0644);
        g_assert_cmpuint(crl->cert_attributes.uid, ==, 0);
        g_assert_cmpuint(crl->units->len, ==, 1);
        g_assert_cmpint(((const UnitRef *) crl->units->pdata[0])->action, ==, UNIT_ACTION_RELOAD);
        g_assert_true(crl->watch);
}

static void test_what_an_authority_does_not_say_has_the_documented_default(Host *h, const void *data)
{
        write_site(h, ", \"crl_path\": \"/etc/tls/site.crl\"", "");
        assert_loads(h);
        g_assert_true(site(h)->renew_before.is_percent);
        g_assert_cmpuint(site(h)->renew_before.percent, ==, 33);
        g_assert_false(site(h)->recreate_on_bundle_drift);
        g_assert_false(site(h)->recreate_on_stray);
        g_assert_cmpuint(site(h)->grace_usec, ==, USEC_PER_DAY);
        g_assert_false(site(h)->watch);
        g_assert_cmpuint(find(h, "crl:site")->lifetime_usec, ==, 7 * USEC_PER_DAY);
        g_assert_cmpuint(find(h, "crl:site")->units->len, ==, 0);
        g_assert_false(find(h, "crl:site")->watch);
}

static void test_issuers_of_other_types_are_no_authorities(Host *h, const void *data)
{
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"x\": {\"type\": \"fake\", \"crl_path\": 7}}, "
                   "\"bundles\": {\"b\": {\"from\": [\"x\"], \"path\": \"/etc/tls/ca.pem\"}}}");
        assert_loads(h);
        g_assert_null(manifest_find_issuer(h->manifest, "x")->authority);
        g_assert_cmpuint(h->manifest->bundles->len, ==, 1);
}

static void test_all_keys_of_a_bundle_are_read(Host *h, const void *data)
{
        const ManifestCertificate *c;

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"site\": {\"type\": \"local\"}, \"lab\": {\"type\": "
                   "\"local\"}},\n"
                   "\"bundles\": {\"all\": {\"from\": [\"site\", \"lab\"], \"path\": \"/etc/tls/all.pem\",\n"
                   "\"owner\": \"0:7\", \"permissions\": \"0440\", \"units\": [\"postfix.service\"],\n"
                   "\"verify\": {\"connect\": \"localhost:25\", \"starttls\": \"smtp\"}, \"watch\": true}}}");
        assert_loads(h);
        c = find(h, "bundle:all");
        g_assert_cmpint(c->kind, ==, MANIFEST_KIND_BUNDLE);
        g_assert_cmpstr(c->name, ==, "bundle:all");
        g_assert_cmpstr(c->from[0], ==, "site");
        g_assert_cmpstr(c->from[1], ==, "lab");
        g_assert_null(c->from[2]);
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                g_assert_cmpstr(c->path[f], ==, f == MANAGED_FILE_CA ? "/etc/tls/all.pem" : NULL);
        g_assert_null(c->directory);
        g_assert_cmpuint(manifest_certificate_attributes(c, MANAGED_FILE_CA)->gid, ==, 7);
        g_assert_cmpint(manifest_certificate_attributes(c, MANAGED_FILE_CA)->mode, ==, 0440);
        g_assert_cmpuint(c->units->len, ==, 1);
        g_assert_cmpint(c->verify->starttls, ==, STARTTLS_SMTP);
        g_assert_true(c->watch);
        g_assert_cmpuint(c->keep, ==, 3);
        g_assert_null(manifest_find(h->manifest, "all"));
}

static void test_of_the_defaults_a_bundle_takes_watch_alone(Host *h, const void *data)
{
        const ManifestCertificate *c;

        write_bundle(h, "{" BUNDLE
                        "}, \"y\": {\"from\": [\"site\"], \"path\": \"/etc/tls/y.pem\", \"watch\": false}");
        write_text(
                h, CERT_MANIFEST_DROPIN_DIR "/a.json",
                "{\"defaults\": {\"watch\": true, \"owner\": \"7:7\", \"permissions\": {\"cert\": \"0444\"}, "
                "\"units\": [\"nginx.service\"], \"keep\": 9, \"renew_before\": \"1h\"}}");
        assert_loads(h);
        c = find(h, "bundle:x");
        g_assert_true(c->watch);
        g_assert_false(find(h, "bundle:y")->watch);
        g_assert_cmpuint(c->cert_attributes.uid, ==, 0);
        g_assert_cmpint(c->cert_attributes.mode, ==, 0644);
        g_assert_cmpuint(c->units->len, ==, 0);
        g_assert_cmpuint(c->keep, ==, 3);
        g_assert_cmpuint(c->renew_before.usec, ==, 0);
}

static void test_bundles_and_lists_stand_apart_and_by_name(Host *h, const void *data)
{
        static const char *const names[] = { "bundle:a", "bundle:web", "bundle:z", "crl:lab", "crl:site" };

        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"site\": {\"type\": \"local\", \"crl_path\": "
                   "\"/etc/tls/1\"}, "
                   "\"lab\": {\"type\": \"local\", \"crl_path\": \"/etc/tls/2\"}},\n"
                   "\"certificates\": {\"web\": {" NAMES ", " PATHS "}},\n\"bundles\": {"
                   "\"z\": {\"from\": [\"lab\"], \"path\": \"/etc/tls/z\"}, \"web\": {\"from\": [\"lab\"], "
                   "\"path\": "
                   "\"/etc/tls/w\"}, \"a\": {\"from\": [\"lab\"], \"path\": \"/etc/tls/a\"}}}");
        assert_loads(h);
        g_assert_cmpuint(h->manifest->certificates->len, ==, 1);
        g_assert_cmpuint(h->manifest->bundles->len, ==, G_N_ELEMENTS(names));
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
                const ManifestCertificate *c = h->manifest->bundles->pdata[i];

                g_assert_cmpstr(c->name, ==, names[i]);
                g_assert_true(manifest_find(h->manifest, names[i]) == c);
        }
        g_assert_cmpint(web(h)->kind, ==, MANIFEST_KIND_CERTIFICATE);
}

static void test_an_authority_watches_when_anything_of_it_does(Host *h, const void *data)
{
        static const struct {
                const char *members, *top;
                bool watch;
        } cases[] = {
                { "", ", \"bundles\": {\"x\": {" BUNDLE "}}", false },
                { ", \"watch\": true", "", true },
                { "", ", \"bundles\": {\"x\": {" BUNDLE ", \"watch\": true}}", true },
                { ", \"watch\": false", ", \"bundles\": {\"x\": {" BUNDLE ", \"watch\": true}}", true },
                { "", ", \"certificates\": {\"web\": {" NAMES ", " PATHS ", \"watch\": true}}", true },
                { "", ", \"defaults\": {\"watch\": true}", true },
                { ", \"watch\": false", ", \"defaults\": {\"watch\": true}", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *members =
                        g_strconcat(cases[i].members, ", \"crl_path\": \"/etc/tls/site.crl\"", NULL);

                g_test_message("%s %s", cases[i].members, cases[i].top);
                write_site(h, members, cases[i].top);
                assert_loads(h);
                g_assert_cmpint(site(h)->watch, ==, cases[i].watch);
                g_assert_cmpint(find(h, "crl:site")->watch, ==, cases[i].watch);
        }
}

/* ---- Digests ---- */

static char *authority_digest(Host *h, const char *members)
{
        write_site(h, members, "");
        assert_loads(h);
        return g_strdup(site(h)->request_digest);
}

static void test_what_an_authority_s_certificate_says_is_its_digest(Host *h, const void *data)
{
        static const char *const same[] = {
                ", \"lifetime\": \"20y\", \"certificate_lifetime\": \"1d\"",
                ", \"renew_before\": \"1d\", \"stray\": \"recreate\", \"watch\": true",
                ", \"key\": {\"type\": \"ecdsa-p256\", \"protection\": \"file\"}, \"path_length\": 0",
                ", \"crl_path\": \"/etc/tls/site.crl\"",
        };
        static const char *const other[] = {
                ", \"subject\": \"CN=x\"",
                ", \"key\": {\"type\": \"ed25519\"}",
                ", \"key\": {\"protection\": \"credential\"}",
                ", \"key\": {\"uri\": \"pkcs11:token=a\"}",
                ", \"path_length\": 1",
                ", \"names\": {\"permitted\": [\"example.org\"]}",
                ", \"names\": {\"excluded\": [\"example.org\"]}",
        };
        g_autofree char *plain = authority_digest(h, "");
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
                g_autofree char *digest = authority_digest(h, same[i]);

                g_assert_cmpstr(digest, ==, plain);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(other); i++) {
                char *digest = authority_digest(h, other[i]);

                g_assert_cmpstr(digest, !=, plain);
                g_assert_true(g_hash_table_add(seen, digest));
        }
}

static void test_the_order_of_names_means_nothing(Host *h, const void *data)
{
        g_autofree char *a =
                authority_digest(h, ", \"names\": {\"permitted\": [\"a.example\", \"ip:192.0.2.0/24\"]}");
        g_autofree char *b =
                authority_digest(h, ", \"names\": {\"permitted\": [\"ip:192.0.2.0/24\", \"A.example\"]}");

        g_assert_cmpstr(a, ==, b);
}

static void test_whose_certificates_and_where_is_a_bundle_s_digest(Host *h, const void *data)
{
        g_autofree char *first = NULL, *first_list = NULL;

        write_site(h, ", \"crl_path\": \"/etc/tls/site.crl\"", ", \"bundles\": {\"x\": {" BUNDLE "}}");
        assert_loads(h);
        first = g_strdup(find(h, "bundle:x")->request_digest);
        first_list = g_strdup(find(h, "crl:site")->request_digest);
        write_site(h, ", \"crl_path\": \"/etc/tls/site.crl\", \"crl_units\": [\"a.service\"]",
                   ", \"bundles\": {\"x\": {" BUNDLE
                   ", \"units\": [\"a.service\"], \"permissions\": \"0444\"}}");
        assert_loads(h);
        g_assert_cmpstr(find(h, "bundle:x")->request_digest, ==, first);
        g_assert_cmpstr(find(h, "crl:site")->request_digest, ==, first_list);
        write_site(h, ", \"crl_path\": \"/etc/tls/site.crl\", \"crl_lifetime\": \"1d\"",
                   ", \"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/moved.pem\"}}");
        assert_loads(h);
        g_assert_cmpstr(find(h, "bundle:x")->request_digest, !=, first);
        g_assert_cmpstr(find(h, "crl:site")->request_digest, !=, first_list);
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/a.json", "{\"issuers\": {\"lab\": {\"type\": \"local\"}}}");
        write_bundle(h, "{\"from\": [\"site\", \"lab\"], \"path\": \"/etc/tls/ca.pem\"}");
        assert_loads(h);
        g_assert_cmpstr(find(h, "bundle:x")->request_digest, !=, first);
}

/* ---- What is wrong ---- */

typedef struct Wrong {
        const char *text;
        const char *told[4];
} Wrong;

#define SITE "issuers.site"

static const Wrong wrong_authorities[] = {
        { ", \"renew_befor\": \"1d\"",
          { SITE ".renew_befor: ", "unknown", "Did you mean \"renew_before\"?" } },
        { ", \"timeout\": 5", { SITE ".timeout: ", "with a unit" } },
        { ", \"subject\": \"x\"", { SITE ".subject: ", "RFC 4514" } },
        { ", \"key\": \"rsa-2048\"", { SITE ".key: ", "object is expected" } },
        { ", \"key\": {\"typ\": \"rsa-2048\"}", { SITE ".key.typ: ", "Did you mean \"type\"?" } },
        { ", \"key\": {\"type\": \"rsa-1024\"}", { SITE ".key.type: ", "no type of key", "rsa-" } },
        { ", \"key\": {\"uri\": \"file:x\"}", { SITE ".key.uri: ", "RFC 7512" } },
        { ", \"key\": {\"protection\": \"fiel\"}", { SITE ".key.protection: ", "Did you mean \"file\"?" } },
        { ", \"key\": {\"protection\": \"tpm\"}", { SITE ".key.protection: ", "no protection", "\"uri\"" } },
        { ", \"key\": {\"protection\": \"file\", \"uri\": \"pkcs11:token=a\"}",
          { SITE ".key.protection: ", "exclude each other" } },
        { ", \"lifetime\": \"soon\"", { SITE ".lifetime: ", "no span" } },
        { ", \"lifetime\": \"59min\"", { SITE ".lifetime: ", "between 1h and a hundred years" } },
        { ", \"lifetime\": \"200y\"", { SITE ".lifetime: ", "hundred years" } },
        { ", \"certificate_lifetime\": \"1ms\"", { SITE ".certificate_lifetime: ", "between 1s" } },
        { ", \"lifetime\": \"30d\", \"certificate_lifetime\": \"31d\"",
          { SITE ".certificate_lifetime: ", "would outlive their authority" } },
        { ", \"certificate_lifetime\": \"11y\"",
          { SITE ".certificate_lifetime: ", "would outlive", "valid for 9y" } },
        { ", \"lifetime\": \"30d\", \"renew_before\": \"30d\"",
          { SITE ".renew_before: ", "never stop", "33%" } },
        { ", \"renew_before\": \"11y\"", { SITE ".renew_before: ", "never stop" } },
        { ", \"renew_before\": \"100%\"", { SITE ".renew_before: ", "1% to 99%" } },
        { ", \"path_length\": 9", { SITE ".path_length: ", "from 0 to 8" } },
        { ", \"path_length\": -1", { SITE ".path_length: ", "from 0 to 8" } },
        { ", \"path_length\": \"0\"", { SITE ".path_length: ", "a number is expected" } },
        { ", \"names\": [\"example.org\"]", { SITE ".names: ", "an object is expected" } },
        { ", \"names\": {\"permited\": []}", { SITE ".names.permited: ", "Did you mean \"permitted\"?" } },
        { ", \"names\": {\"permitted\": \"example.org\"}",
          { SITE ".names.permitted: ", "a list is expected" } },
        { ", \"names\": {\"permitted\": []}", { SITE ".names.permitted: ", "says nothing", "Remove" } },
        { ", \"names\": {\"permitted\": [\"a.example\", 7]}",
          { SITE ".names.permitted[1]: ", "not a number" } },
        { ", \"names\": {\"excluded\": [\"*.example.org\"]}",
          { SITE ".names.excluded[0]: ", "the name alone" } },
        { ", \"names\": {\"excluded\": [\".example.org\"]}",
          { SITE ".names.excluded[0]: ", "Write \"example.org\"" } },
        { ", \"names\": {\"permitted\": [\"ip:192.0.2.1/24\"]}",
          { SITE ".names.permitted[0]: ", "Write \"ip:192.0.2.0/24\"" } },
        { ", \"bundle_drift\": \"recerate\"", { SITE ".bundle_drift: ", "Did you mean \"recreate\"?" } },
        { ", \"bundle_drift\": \"no\"",
          { SITE ".bundle_drift: ", "There are \"rewrite\" and \"recreate\"" } },
        { ", \"stray\": \"rewrite\"", { SITE ".stray: ", "\"rewrite\" is no answer", "\"re" } },
        { ", \"stray\": true", { SITE ".stray: ", "a string is expected" } },
        { ", \"rotation_grace\": \"tomorrow\"", { SITE ".rotation_grace: ", "no span" } },
        { ", \"rotation_grace\": 0", { SITE ".rotation_grace: ", "with a unit" } },
        { ", \"watch\": 1", { SITE ".watch: ", "true or false is expected" } },
        { ", \"crl_path\": \"site.crl\"", { SITE ".crl_path: ", "not absolute" } },
        { ", \"crl_path\": \"/var/lib/cert-authority/site/crl\"", { SITE ".crl_path: ", "no place" } },
        { ", \"crl_path\": \"/etc/tls/../x\"", { SITE ".crl_path: ", "\"..\"" } },
        { ", \"crl_path\": \"/etc/open/x\"",
          { SITE ".crl_path: ", "every user can write in the folder /etc/open" } },
        { ", \"crl_path\": \"/etc/tls/x\", \"crl_lifetime\": \"59min\"",
          { SITE ".crl_lifetime: ", "between 1h" } },
        { ", \"crl_path\": \"/etc/tls/x\", \"crl_units\": [\"nginx\"]",
          { SITE ".crl_units[0]: ", "unit type" } },
        { ", \"crl_units\": []", { SITE ".crl_units: ", "without crl_path" } },
        { ", \"crl_lifetime\": \"1d\"", { SITE ".crl_lifetime: ", "without crl_path" } },
        { ", \"environment\": \"test\"", { SITE ".environment: ", "of none" } },
};

static void test_every_wrong_authority_is_refused_with_place_and_hint(Host *h, const void *data)
{
        make_folder(h, "/etc/open", 0777);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_authorities); i++) {
                g_test_message("%s", wrong_authorities[i].text);
                write_site(h, wrong_authorities[i].text, "");
                assert_one_problem(h, wrong_authorities[i].told);
        }
}

#define X "bundles.x"

static const Wrong wrong_bundles[] = {
        { "[]", { X ": ", "an object is expected here, not a list" } },
        { "{\"path\": \"/etc/tls/ca.pem\"}", { X ": ", "whose certificates", "from" } },
        { "{\"from\": [\"site\"]}", { X ": ", "where it goes", "path" } },
        { "{\"form\": [\"site\"], " BUNDLE "}", { X ".form: ", "Did you mean \"from\"?" } },
        { "{\"from\": \"site\", \"path\": \"/etc/tls/ca.pem\"}", { X ".from: ", "a list is expected" } },
        { "{\"from\": [], \"path\": \"/etc/tls/ca.pem\"}", { X ".from: ", "trust nobody" } },
        { "{\"from\": [\"site\", \"stie\"], \"path\": \"/etc/tls/ca.pem\"}",
          { X ".from[1]: ", "no issuer \"stie\"", "Did you mean \"site\"?" } },
        { "{\"from\": [\"site\", \"site\"], \"path\": \"/etc/tls/ca.pem\"}",
          { X ".from[1]: ", "named twice" } },
        { "{\"from\": [7], \"path\": \"/etc/tls/ca.pem\"}", { X ".from[0]: ", "a string is expected" } },
        { "{\"from\": [\"site\"], \"path\": \"ca.pem\"}", { X ".path: ", "not absolute" } },
        { "{\"from\": [\"site\"], \"path\": \"/var/lib/cert-agent/ca.pem\"}", { X ".path: ", "no place" } },
        { "{\"from\": [\"site\"], \"path\": \"/etc/open/ca.pem\"}",
          { X ".path: ", "every user can write in the folder /etc/open", "chmod o-w" } },
        { "{" BUNDLE ", \"owner\": \"no-such-user\"}", { X ".owner: ", "no user" } },
        { "{" BUNDLE ", \"owner\": {\"cert\": \"root\"}}", { X ".owner: ", "a string is expected" } },
        { "{" BUNDLE ", \"permissions\": {\"cert\": \"0644\"}}",
          { X ".permissions: ", "a string is expected" } },
        { "{" BUNDLE ", \"permissions\": \"0664\"}",
          { X ".permissions: ", "let a bundle be", "At most \"0644\"" } },
        { "{" BUNDLE ", \"permissions\": \"0044\"}", { X ".permissions: ", "could not read the bundle" } },
        { "{" BUNDLE ", \"permissions\": 644}", { X ".permissions: ", "not a number" } },
        { "{" BUNDLE ", \"units\": [\"nginx\"]}", { X ".units[0]: ", "unit type" } },
        { "{" BUNDLE ", \"verify\": {}}", { X ".verify: ", "where the service listens" } },
        { "{" BUNDLE ", \"watch\": \"yes\"}", { X ".watch: ", "true or false" } },
        { "{" BUNDLE ", \"renew_before\": \"1h\"}", { X ".renew_before: ", "unknown" } },
};

static void test_every_wrong_bundle_is_refused_with_place_and_hint(Host *h, const void *data)
{
        make_folder(h, "/etc/open", 0777);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_bundles); i++) {
                g_test_message("%s", wrong_bundles[i].text);
                write_bundle(h, wrong_bundles[i].text);
                assert_one_problem(h, wrong_bundles[i].told);
        }
}

static void test_a_bundle_s_name_is_checked(Host *h, const void *data)
{
        static const char *const bad[] = { "a/b", "a:b", "../x", "-x", "" };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *top = g_strdup_printf(",\n\"bundles\": {\"%s\": {" BUNDLE "}}", bad[i]);

                write_site(h, "", top);
                assert_refused(h, "cannot be the name of a bundle");
        }
}

/* ---- Places ---- */

static void test_no_two_of_any_kind_write_to_one_place(Host *h, const void *data)
{
        static const Wrong cases[] = {
                { "\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/web.key\"}}",
                  { "bundles.x.path: ", "the certificate \"web\" writes to \"/etc/tls/web.key\" already" } },
                { "\"bundles\": {\"x\": {" BUNDLE "}, \"y\": {" BUNDLE "}}",
                  { "bundles.y.path: ", "the bundle \"x\" writes to \"/etc/tls/ca.pem\" already" } },
                { "\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/site.crl\"}}",
                  { "bundles.x.path: ", "the revocation list of \"site\" writes to" } },
                { "\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/alias/site.crl\"}}",
                  { "bundles.x.path: ", "the revocation list of \"site\" writes to" } },
                { "\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/dir/ca2.pem\"}}",
                  { "bundles.x.path: ", "lies in the directory of the certificate \"dir\"" } },
                { "\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/dir\"}}",
                  { "bundles.x.path: ", "the certificate \"dir\" writes to" } },
        };

        link_to(h, "tls", "/etc/alias");
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *top =
                        g_strdup_printf(",\n\"certificates\": {\"web\": {" NAMES ", " PATHS
                                        "}, \"dir\": {" NAMES ", \"directory\": \"/etc/tls/dir\"}},\n%s",
                                        cases[i].text);

                write_site(h, ", \"crl_path\": \"/etc/tls/site.crl\"", top);
                assert_one_problem(h, cases[i].told);
        }
}

static void test_a_bundle_in_two_files_names_both(Host *h, const void *data)
{
        write_bundle(h, "{" BUNDLE "}");
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/b.json",
                   "{\"bundles\": {\"x\": {\"from\": [\"site\"], \"path\": \"/etc/tls/b\"}}}");
        assert_refused(h, CERT_MANIFEST_DROPIN_DIR "/b.json:1: bundles.x",
                       CERT_MANIFEST_FILE " has the bundle \"x\"", "mask");
}

/* ---- What two authorities, or an authority and a certificate, must not share ---- */

static void test_authorities_share_neither_folder_nor_key(Host *h, const void *data)
{
        static const Wrong cases[] = {
                { "\"issuers\": {\"a@b\": {\"type\": \"local\"}}",
                  { "issuers[\"a@b\"]: ", "folder", "no @" } },
                { "\"issuers\": {\"a\": {\"type\": \"local\", \"key\": {\"uri\": "
                  "\"pkcs11:token=x;object=ca\"}},\n"
                  "\"b\": {\"type\": \"local\", \"key\": {\"uri\": "
                  "\"pkcs11:object=c%61;token=x;type=private?pin-source=/p\"}}}",
                  { ":2: issuers.b.key.uri: ", "the key of the authority \"a\" already" } },
                { "\"issuers\": {\"site\": {\"type\": \"local\", \"key\": {\"uri\": \"pkcs11:id=%01\"}}},\n"
                  "\"certificates\": {\"web\": {" NAMES ", \"cert_path\": \"/etc/tls/c\", \"key\": {\"uri\": "
                  "\"pkcs11:id=%01\"}}}",
                  { ":2: certificates.web.key.uri: ", "the key of the authority \"site\"" } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup_printf("{\"version\": 1, %s}", cases[i].text);

                write_text(h, CERT_MANIFEST_FILE, text);
                assert_one_problem(h, cases[i].told);
        }
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"site\": {\"type\": \"local\"}, \"Site\": {\"type\": "
                   "\"local\"}}}");
        assert_loads(h); /* two folders */
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"issuers\": {\"site\": {\"type\": \"local\", \"key\": {\"uri\": "
                   "\"pkcs11:token=x\"}}, "
                   "\"lab\": {\"type\": \"local\", \"key\": {\"uri\": \"pkcs11:token=x\"}}}}");
        assert_loads(h); /* one token, in which each makes its own keys */
        write_text(h, CERT_MANIFEST_DROPIN_DIR "/b.json", "{\"issuers\": {\"site\": {\"type\": \"local\"}}}");
        assert_refused(h, "b.json:1: issuers.site", "has an issuer \"site\" already");
}

static void test_what_an_authority_may_not_sign_is_found(Host *h, const void *data)
{
#define CONSTRAINED ", \"names\": {\"permitted\": [\"example.org\"], \"excluded\": [\"secret.example.org\"]}"
        write_site(h, CONSTRAINED, ", \"certificates\": {\"web\": {" NAMES ", " PATHS "}}");
        assert_loads(h);
        write_site(h, CONSTRAINED,
                   ",\n\"certificates\": {\"web\": {\"issuer\": \"site\", \"sans\": [\"www.example.org\", "
                   "\"www.example.com\", \"ip:192.0.2.1\"], " PATHS "}}");
        assert_refused(h, "certificates.web.sans", "\"site\" may not sign for the name \"www.example.com\"");
        write_site(h, CONSTRAINED,
                   ",\n\"certificates\": {\"web\": {\"issuer\": \"site\", \"common_name\": "
                   "\"a.secret.example.org\", " PATHS "}}");
        assert_refused(h, "certificates.web", "may not sign for the name \"a.secret.example.org\"");
        write_site(h, CONSTRAINED,
                   ",\n\"certificates\": {\"web\": {\"issuer\": \"site\", \"usage\": [\"client\"], "
                   "\"common_name\": "
                   "\"x.example.com\", \"sans\": [\"email:a@b.example\"], " PATHS "}}");
        assert_refused(h, "certificates.web.common_name", "may not sign for the name \"x.example.com\"");
        write_site(h, CONSTRAINED,
                   ",\n\"certificates\": {\"web\": {\"issuer\": \"site\", \"usage\": [\"client\"], "
                   "\"common_name\": "
                   "\"alice\", " PATHS "}}");
        assert_loads(h);
}

/* ---- Environments ---- */

static void test_every_issuer_is_of_the_manifest_s_environment(Host *h, const void *data)
{
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"environment\": \"lab\", \"issuers\": {\"a\": {\"type\": \"local\"}, "
                   "\"b\": {\"type\": \"local\", \"environment\": \"lab\"}}}");
        assert_loads(h);
        g_assert_cmpstr(manifest_find_issuer(h->manifest, "a")->environment, ==, "lab");
        g_assert_cmpstr(manifest_find_issuer(h->manifest, "b")->environment, ==, "lab");
        write_site(h, "", "");
        assert_loads(h);
        g_assert_null(manifest_find_issuer(h->manifest, "site")->environment);
        write_text(h, CERT_MANIFEST_FILE,
                   "{\"version\": 1, \"environment\": \"lab\", \"issuers\": {\"site\": {\"type\": \"local\", "
                   "\"environment\": \"production\"}},\n\"bundles\": {\"x\": {" BUNDLE "}}}");
        assert_refused(h, "issuers.site.environment", "\"production\", the manifest of \"lab\"");
}

static void test_kinds_have_names(Host *h, const void *data)
{
        g_assert_cmpstr(manifest_kind_to_string(MANIFEST_KIND_CERTIFICATE), ==, "certificate");
        g_assert_cmpstr(manifest_kind_to_string(MANIFEST_KIND_BUNDLE), ==, "bundle");
        g_assert_cmpstr(manifest_kind_to_string(MANIFEST_KIND_CRL), ==, "crl");
        g_assert_null(manifest_kind_to_string(_MANIFEST_KIND_MAX));
        g_assert_null(manifest_kind_to_string(_MANIFEST_KIND_INVALID));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!TEST_ROOT) {
                g_print("1..0 # SKIP needs a build with -Dtest-root=true\n");
                return 0;
        }
        add("all-keys-of-an-authority-are-read", test_all_keys_of_an_authority_are_read);
        add("what-an-authority-does-not-say-has-the-documented-default",
            test_what_an_authority_does_not_say_has_the_documented_default);
        add("issuers-of-other-types-are-no-authorities", test_issuers_of_other_types_are_no_authorities);
        add("all-keys-of-a-bundle-are-read", test_all_keys_of_a_bundle_are_read);
        add("of-the-defaults-a-bundle-takes-watch-alone", test_of_the_defaults_a_bundle_takes_watch_alone);
        add("bundles-and-lists-stand-apart-and-by-name", test_bundles_and_lists_stand_apart_and_by_name);
        add("an-authority-watches-when-anything-of-it-does",
            test_an_authority_watches_when_anything_of_it_does);
        add("what-an-authority-s-certificate-says-is-its-digest",
            test_what_an_authority_s_certificate_says_is_its_digest);
        add("the-order-of-names-means-nothing", test_the_order_of_names_means_nothing);
        add("whose-certificates-and-where-is-a-bundle-s-digest",
            test_whose_certificates_and_where_is_a_bundle_s_digest);
        add("every-wrong-authority-is-refused-with-place-and-hint",
            test_every_wrong_authority_is_refused_with_place_and_hint);
        add("every-wrong-bundle-is-refused-with-place-and-hint",
            test_every_wrong_bundle_is_refused_with_place_and_hint);
        add("a-bundle-s-name-is-checked", test_a_bundle_s_name_is_checked);
        add("no-two-of-any-kind-write-to-one-place", test_no_two_of_any_kind_write_to_one_place);
        add("a-bundle-in-two-files-names-both", test_a_bundle_in_two_files_names_both);
        add("authorities-share-neither-folder-nor-key", test_authorities_share_neither_folder_nor_key);
        add("what-an-authority-may-not-sign-is-found", test_what_an_authority_may_not_sign_is_found);
        add("every-issuer-is-of-the-manifest-s-environment",
            test_every_issuer_is_of_the_manifest_s_environment);
        add("kinds-have-names", test_kinds_have_names);
        return g_test_run();
}

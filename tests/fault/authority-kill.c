/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The changes of a local authority, each killed at every system call that changes the disk.
 *
 * A child makes the change and is killed as it enters its n-th such call, for every n there is. The next look
 * at the authority must find it whole, wholly as it was before or wholly as it is after; the look itself is
 * killed at each of its calls, too, and leaves no key that was to be destroyed. Then the change is made
 * again, and nothing of the first try may be left: no key without its certificate. The test demands that
 * kills fell on both sides of the point of no return, and that some looks had something to go through with:
 * else it would prove nothing.
 */

#include "common/names.h"
#include "common/timespan.h"
#include "issuers/local/authority.h"
#include "issuers/local/change.h"
#include "issuers/local/revocation.h"
#include "tests/fault/kill.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

typedef bool (*Change)(const AuthorityOptions *o, GError **error);

typedef struct Case {
        char *root, *folder;
        AuthorityOptions options;
        Change change;
        GHashTable *files; /* name -> GBytes*, as they are before */
        unsigned kills, before, after, cut_off_looks;
} Case;

/* ---- The folder before ---- */

static void take_snapshot(Case *k)
{
        g_autoptr(GDir) dir = g_dir_open(k->folder, 0, NULL);
        const char *name;

        k->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(k->folder, name, NULL), *content = NULL;
                gsize size;

                if (!g_file_get_contents(path, &content, &size, NULL))
                        continue; /* a folder of what was put aside while this was prepared */
                g_hash_table_insert(k->files, g_strdup(name),
                                    g_bytes_new_take(g_steal_pointer(&content), size));
        }
}

static void remove_folder(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *inner = g_build_filename(path, name, NULL);

                if (g_file_test(inner, G_FILE_TEST_IS_DIR))
                        remove_folder(inner);
                else
                        g_assert_cmpint(g_unlink(inner), ==, 0);
        }
        (void) g_rmdir(path);
}

static void restore(Case *k)
{
        GHashTableIter iter;
        gpointer name, content;

        remove_folder(k->folder);
        if (g_hash_table_size(k->files) > 0)
                g_assert_cmpint(g_mkdir_with_parents(k->folder, 0700), ==, 0);
        g_hash_table_iter_init(&iter, k->files);
        while (g_hash_table_iter_next(&iter, &name, &content)) {
                g_autofree char *path = g_build_filename(k->folder, name, NULL);

                g_assert_true(g_file_set_contents_full(
                        path, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content),
                        G_FILE_SET_CONTENTS_NONE, g_str_has_suffix(name, ".key") ? 0600 : 0644, NULL));
        }
}

/* ---- The authority ---- */

static void must(Case *k, Change change)
{
        g_autoptr(GError) error = NULL;

        (void) change(&k->options, &error);
        g_assert_no_error(error);
}

static AuthorityLook *look(Case *k)
{
        g_autoptr(GError) error = NULL;
        AuthorityLook *l = authority_look(&k->options, false, &error);

        g_assert_no_error(error); /* whole: each key is that of its certificate */
        return l;
}

/* "current:ID next:ID old:ID"; one that is not among the `known` (space between) is "new". */
static char *state(Case *k, const char *known)
{
        g_autoptr(AuthorityLook) l = look(k);
        GString *text = g_string_new(l->parts->missing ? "missing" : NULL);

        for (unsigned i = 0; i < l->parts->list->len; i++) {
                const Part *part = g_ptr_array_index(l->parts->list, i);

                g_string_append_printf(text, "%s%s:%s", text->len > 0 ? " " : "",
                                       part_role_to_string(part->role),
                                       strstr(known, part->fingerprint) ? part->fingerprint : "new");
        }
        return g_string_free(text, FALSE);
}

static void child_change(void *data)
{
        must(data, ((Case *) data)->change);
}

static void child_look(void *data)
{
        authority_look_free(look(data));
}

/* ---- What must hold ---- */

static unsigned count(const char *folder, bool (*is_wrong)(const char *name, const char *folder))
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;
        unsigned n = 0;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (is_wrong(name, folder)) {
                        g_test_message("%s is left", path);
                        n++;
                }
                if (g_file_test(path, G_FILE_TEST_IS_DIR))
                        n += count(path, is_wrong);
        }
        return n;
}

static bool is_left(const char *name, const char *folder)
{
        g_autofree char *base = g_path_get_basename(folder);
        bool aside = g_str_has_prefix(base, "retired-") || g_str_has_prefix(base, "before-");
        g_autofree char *stem = g_strndup(name, strlen(name) - MIN(strlen(name), 4));
        g_autofree char *certificate = g_strdup_printf("%s/%s.pem", folder, stem);

        return *name == '.' || g_str_has_prefix(name, "made.") || g_str_has_prefix(name, "recreated.") ||
               g_str_has_suffix(name, ".destroy") ||
               (g_str_has_suffix(name, ".key") && (aside || !g_file_test(certificate, G_FILE_TEST_EXISTS)));
}

/* An old one's key without its certificate was to come into such a folder. */
static bool is_to_be_destroyed(const char *name, const char *folder)
{
        return g_str_has_suffix(name, ".destroy") ||
               (g_str_has_prefix(name, "old-") && is_left(name, folder));
}

static void check(Case *k, const char *known, const char *before, const char *after)
{
        g_autofree char *found = state(k, known), *again = state(k, known);

        g_assert_cmpstr(found, ==, again);
        if (g_str_equal(found, before))
                k->before++;
        else {
                g_assert_cmpstr(found, ==, after);
                k->after++;
        }
}

/* The look at what is left, killed at each of its own calls: each go on from where the one before stopped. */
static void kill_looks(Case *k)
{
        for (unsigned m = 1; kill_at_call(child_look, k, KILL_AT_DISK, m); m++)
                k->cut_off_looks++;
}

static void kill_at_each_call(Case *k, const char *known, const char *before, const char *after)
{
        unsigned n;

        for (n = 1;; n++) {
                restore(k);
                if (!kill_at_call(child_change, k, KILL_AT_DISK, n))
                        break;
                k->kills++;
                kill_looks(k);
                check(k, known, before, after);
                g_assert_cmpuint(count(k->folder, is_to_be_destroyed), ==, 0);
                must(k, k->change);
                g_assert_cmpuint(count(k->folder, is_left), ==, 0);
        }
        g_test_message("%u kills: %u before, %u after, %u looks cut off", k->kills, k->before, k->after,
                       k->cut_off_looks);
        g_assert_cmpuint(k->kills, >, 5);
        g_assert_cmpuint(k->before, >, 0);
        g_assert_cmpuint(k->after, >, 0);
}

/* ---- The cases ---- */

static void case_init(Case *k, Change change)
{
        *k = (Case){ .root = fixture_root_new(),
                     .options = { .name = (char *) "site",
                                  .key_type = KEY_TYPE_ECDSA_P256,
                                  .lifetime = 3650 * USEC_PER_DAY,
                                  .certificate_lifetime = 90 * USEC_PER_DAY },
                     .change = change };
        k->folder = fixture_path(k->root, CERT_AUTHORITY_DIR "/site");
}

static void case_clear(Case *k)
{
        g_hash_table_unref(k->files);
        g_free(k->folder);
        fixture_root_free(k->root);
}

/* Its fingerprints now, with spaces between, by role; "" where there is none. */
static char *fingerprint(Case *k, PartRole role)
{
        g_autoptr(AuthorityLook) l = look(k);
        const Part *part = parts_in_role(l->parts, role);

        return g_strdup(part ? part->fingerprint : "");
}

static void test_make(void)
{
        Case k;

        case_init(&k, change_make);
        take_snapshot(&k);
        kill_at_each_call(&k, "", "missing", "current:new");
        case_clear(&k);
}

static void test_make_where_the_key_is_gone(void)
{
        Case k;
        g_autofree char *old = NULL, *before = NULL, *key = NULL;

        case_init(&k, change_make);
        must(&k, change_make);
        old = fingerprint(&k, PART_CURRENT);
        before = g_strconcat("missing current:", old, NULL);
        key = g_build_filename(k.folder, "ca.key", NULL);
        g_assert_cmpint(g_unlink(key), ==, 0);
        take_snapshot(&k);
        kill_at_each_call(&k, old, before, "current:new");
        g_assert_cmpuint(k.cut_off_looks, >, 0);
        case_clear(&k);
}

static void test_begin(void)
{
        Case k;
        g_autofree char *current = NULL, *before = NULL, *after = NULL;

        case_init(&k, change_begin);
        must(&k, change_make);
        current = fingerprint(&k, PART_CURRENT);
        before = g_strconcat("current:", current, NULL);
        after = g_strconcat("current:", current, " next:new", NULL);
        take_snapshot(&k);
        kill_at_each_call(&k, current, before, after);
        case_clear(&k);
}

static void test_promote(void)
{
        Case k;
        g_autofree char *current = NULL, *next = NULL, *before = NULL, *after = NULL, *known = NULL;

        case_init(&k, change_promote);
        must(&k, change_make);
        must(&k, change_begin);
        current = fingerprint(&k, PART_CURRENT);
        next = fingerprint(&k, PART_NEXT);
        known = g_strjoin(" ", current, next, NULL);
        before = g_strdup_printf("current:%s next:%s", current, next);
        after = g_strdup_printf("current:%s old:%s", next, current);
        take_snapshot(&k);
        kill_at_each_call(&k, known, before, after);
        g_assert_cmpuint(k.cut_off_looks, >, 0);
        case_clear(&k);
}

static void test_retire(void)
{
        Case k;
        g_autofree char *current = NULL, *old = NULL, *before = NULL, *after = NULL, *known = NULL;

        case_init(&k, change_retire);
        must(&k, change_make);
        must(&k, change_begin);
        must(&k, change_promote);
        current = fingerprint(&k, PART_CURRENT);
        old = fingerprint(&k, PART_OLD);
        known = g_strjoin(" ", current, old, NULL);
        before = g_strdup_printf("current:%s old:%s", current, old);
        after = g_strdup_printf("current:%s", current);
        take_snapshot(&k);
        kill_at_each_call(&k, known, before, after);
        case_clear(&k);
}

static void test_recreate(void)
{
        Case k;
        g_autofree char *current = NULL, *next = NULL, *old = NULL, *before = NULL, *known = NULL;

        case_init(&k, change_recreate);
        must(&k, change_make);
        must(&k, change_begin);
        must(&k, change_promote);
        must(&k, change_begin);
        current = fingerprint(&k, PART_CURRENT);
        next = fingerprint(&k, PART_NEXT);
        old = fingerprint(&k, PART_OLD);
        known = g_strjoin(" ", current, next, old, NULL);
        before = g_strdup_printf("current:%s next:%s old:%s", current, next, old);
        take_snapshot(&k);
        kill_at_each_call(&k, known, before, "current:new");
        g_assert_cmpuint(k.cut_off_looks, >, 0);
        case_clear(&k);
}

/* ---- Revoking ---- */

static GBytes *leaf; /* what revoke_leaf() revokes */

static bool revoke_leaf(const AuthorityOptions *o, GError **error)
{
        g_autoptr(RevocationLists) lists = revocation_lists_new();

        return revocation_add(lists, o, leaf, "superseded", now_realtime(), error);
}

static unsigned count_revoked(Case *k)
{
        g_autoptr(AuthorityLook) l = look(k);
        g_autoptr(RevocationLists) lists = revocation_lists_new();
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) found = revocation_serials(lists, l, &k->options, now_realtime(), &error);

        g_assert_no_error(error);
        return g_strv_length(found);
}

/* A leaf of the authority, whatever is in it. */
static GBytes *sign_leaf(Case *k)
{
        g_autoptr(Authority) a = authority_open(&k->options, NULL);
        gnutls_x509_crt_t crt;
        gnutls_datum_t der;
        GBytes *bytes;

        g_assert_nonnull(a);
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_serial(crt, "\x12\x34", 2), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_activation_time(crt, 0), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_dn(crt, "CN=leaf", NULL), >=, 0);
        {
                gnutls_x509_privkey_t key;

                g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
                g_assert_cmpint(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                             GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                             0),
                                >=, 0);
                g_assert_cmpint(gnutls_x509_crt_set_key(crt, key), >=, 0);
                gnutls_x509_privkey_deinit(key);
        }
        g_assert_cmpint(gnutls_x509_crt_privkey_sign(crt, authority_certificate(a), authority_key(a),
                                                     authority_digest(a), 0),
                        >=, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), >=, 0);
        gnutls_x509_crt_deinit(crt);
        bytes = g_bytes_new(der.data, der.size);
        gnutls_free(der.data);
        return bytes;
}

static void test_revoke(void)
{
        Case k;
        unsigned n;

        case_init(&k, revoke_leaf);
        must(&k, change_make);
        leaf = sign_leaf(&k);
        take_snapshot(&k);
        for (n = 1;; n++) {
                unsigned found;

                restore(&k);
                if (!kill_at_call(child_change, &k, KILL_AT_DISK, n))
                        break;
                found = count_revoked(&k);
                g_assert_cmpuint(found, <=, 1);
                must(&k, revoke_leaf);
                g_assert_cmpuint(count_revoked(&k), ==, 1);
        }
        g_assert_cmpuint(n, >, 3);
        g_clear_pointer(&leaf, g_bytes_unref);
        case_clear(&k);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_setenv("ASAN_OPTIONS", "detect_leaks=0", TRUE);
        g_test_add_func("/authority-kill/make", test_make);
        g_test_add_func("/authority-kill/make, where the key is gone", test_make_where_the_key_is_gone);
        g_test_add_func("/authority-kill/begin", test_begin);
        g_test_add_func("/authority-kill/promote", test_promote);
        g_test_add_func("/authority-kill/retire", test_retire);
        g_test_add_func("/authority-kill/recreate", test_recreate);
        g_test_add_func("/authority-kill/revoke", test_revoke);
        return g_test_run();
}

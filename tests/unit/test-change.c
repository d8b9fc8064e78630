/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The changes of a local authority: what each makes of its files, that each can be repeated, and what is put aside. */

#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"
#include "issuers/local/authority.h"
#include "issuers/local/change.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Bench {
        char *root, *folder;
        AuthorityOptions options;
} Bench;

static Bench *bench_new(void)
{
        Bench *b = g_new0(Bench, 1);

        b->root = fixture_root_new();
        b->folder = fixture_path(b->root, CERT_AUTHORITY_DIR "/site");
        b->options = (AuthorityOptions){ .name = (char *) "site",
                                         .key_type = KEY_TYPE_ECDSA_P256,
                                         .lifetime = 3650 * USEC_PER_DAY,
                                         .certificate_lifetime = 90 * USEC_PER_DAY,
                                         .crl_lifetime = 7 * USEC_PER_DAY };
        return b;
}

static void bench_free(Bench *b)
{
        fixture_root_free(b->root);
        g_free(b->folder);
        g_free(b);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

typedef bool (*Change)(const AuthorityOptions *o, GError **error);

static void change(Bench *b, Change f)
{
        g_autoptr(GError) error = NULL;

        (void) f(&b->options, &error);
        g_assert_no_error(error);
}

static AuthorityLook *look(Bench *b)
{
        g_autoptr(GError) error = NULL;
        AuthorityLook *l = authority_look(&b->options, false, &error);

        g_assert_no_error(error);
        return l;
}

/* "current:FINGERPRINT next:FINGERPRINT", or "missing". */
static char *state(Bench *b)
{
        g_autoptr(AuthorityLook) l = look(b);
        GString *text = g_string_new(l->parts->missing ? "missing" : "");

        for (unsigned i = 0; i < l->parts->list->len; i++) {
                const Part *part = g_ptr_array_index(l->parts->list, i);

                g_string_append_printf(text, "%s%s:%s", text->len > 0 ? " " : "", part_role_to_string(part->role),
                                       part->fingerprint);
        }
        return g_string_free(text, FALSE);
}

static char *fingerprint(Bench *b, PartRole role)
{
        g_autoptr(AuthorityLook) l = look(b);
        const Part *part = parts_in_role(l->parts, role);

        return part ? g_strdup(part->fingerprint) : NULL;
}

/* `format` with the fingerprint in the place of each "@". */
static bool is_there(Bench *b, const char *format, const char *id)
{
        g_auto(GStrv) parts = g_strsplit(format, "@", -1);
        g_autofree char *name = g_strjoinv(id, parts), *path = g_build_filename(b->folder, name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

static unsigned count_files(Bench *b)
{
        g_autoptr(GDir) dir = g_dir_open(b->folder, 0, NULL);
        unsigned n = 0;

        while (g_dir_read_name(dir))
                n++;
        return n;
}

static void test_missing_then_made_once(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autofree char *before = state(b), *made = NULL, *again = NULL;

        g_assert_cmpstr(before, ==, "missing");
        g_assert_false(g_file_test(b->folder, G_FILE_TEST_EXISTS));
        change(b, change_make);
        made = state(b);
        g_assert_true(g_str_has_prefix(made, "current:"));
        g_assert_null(strchr(made, ' '));
        change(b, change_make);
        again = state(b);
        g_assert_cmpstr(made, ==, again);
        g_assert_cmpuint(count_files(b), ==, 3); /* ca.pem, ca.key, owner */
}

static void test_a_rotation(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autofree char *first = NULL, *second = NULL, *expected = NULL, *now = NULL;

        change(b, change_make);
        first = fingerprint(b, PART_CURRENT);
        for (int i = 0; i < 2; i++) {
                change(b, change_begin);
                g_free(now);
                now = fingerprint(b, PART_NEXT);
                g_assert_true(!second || g_str_equal(now, second));
                g_free(second);
                second = g_strdup(now);
        }
        for (int i = 0; i < 2; i++) {
                change(b, change_promote);
                g_free(expected);
                g_free(now);
                expected = g_strdup_printf("current:%s old:%s", second, first);
                now = state(b);
                g_assert_cmpstr(now, ==, expected);
        }
        for (int i = 0; i < 2; i++) {
                change(b, change_retire);
                g_free(expected);
                g_free(now);
                expected = g_strdup_printf("current:%s", second);
                now = state(b);
                g_assert_cmpstr(now, ==, expected);
        }
        g_assert_true(is_there(b, "retired-@/old-@.pem", first));
        g_assert_false(is_there(b, "retired-@/old-@.key", first));
        g_assert_false(is_there(b, "old-@.key", first));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/change/missing, then made once", test_missing_then_made_once);
        g_test_add_func("/change/a rotation", test_a_rotation);
        return g_test_run();
}

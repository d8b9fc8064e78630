/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The changes of a local authority: what each makes of its files, that each can be repeated, and what is put
 * aside. */

#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"
#include "issuers/local/authority.h"
#include "issuers/local/change.h"
#include "tests/unit/authority-bench.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static AuthorityLook *look(AuthorityBench *b)
{
        g_autoptr(GError) error = NULL;
        AuthorityLook *l = authority_look(&b->options, false, &error);

        g_assert_no_error(error);
        return l;
}

/* "current:FINGERPRINT next:FINGERPRINT", or "missing". */
static char *state(AuthorityBench *b)
{
        g_autoptr(AuthorityLook) l = look(b);
        GString *text = g_string_new(l->parts->missing ? "missing" : "");

        for (unsigned i = 0; i < l->parts->list->len; i++) {
                const Part *part = g_ptr_array_index(l->parts->list, i);

                g_string_append_printf(text, "%s%s:%s", text->len > 0 ? " " : "",
                                       part_role_to_string(part->role), part->fingerprint);
        }
        return g_string_free(text, FALSE);
}

static char *fingerprint(AuthorityBench *b, PartRole role)
{
        g_autoptr(AuthorityLook) l = look(b);
        const Part *part = parts_in_role(l->parts, role);

        return part ? g_strdup(part->fingerprint) : NULL;
}

/* `format` with the fingerprint in the place of each "@". */
static bool is_there(AuthorityBench *b, const char *format, const char *id)
{
        g_auto(GStrv) parts = g_strsplit(format, "@", -1);
        g_autofree char *name = g_strjoinv(id, parts), *path = g_build_filename(b->folder, name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

static unsigned count_files(AuthorityBench *b)
{
        g_autoptr(GDir) dir = g_dir_open(b->folder, 0, NULL);
        unsigned n = 0;

        while (g_dir_read_name(dir))
                n++;
        return n;
}

static void test_missing_then_made_once(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *before = state(b), *made = NULL, *again = NULL;

        g_assert_cmpstr(before, ==, "missing");
        g_assert_false(g_file_test(b->folder, G_FILE_TEST_EXISTS));
        authority_bench_change(b, change_make);
        made = state(b);
        g_assert_true(g_str_has_prefix(made, "current:"));
        g_assert_null(strchr(made, ' '));
        authority_bench_change(b, change_make);
        again = state(b);
        g_assert_cmpstr(made, ==, again);
        g_assert_cmpuint(count_files(b), ==, 3); /* ca.pem, ca.key, owner */
}

static void test_a_rotation(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *first = NULL, *second = NULL, *expected = NULL, *now = NULL;

        authority_bench_change(b, change_make);
        first = fingerprint(b, PART_CURRENT);
        for (int i = 0; i < 2; i++) {
                authority_bench_change(b, change_begin);
                g_free(now);
                now = fingerprint(b, PART_NEXT);
                g_assert_true(!second || g_str_equal(now, second));
                g_free(second);
                second = g_strdup(now);
        }
        for (int i = 0; i < 2; i++) {
                authority_bench_change(b, change_promote);
                g_free(expected);
                g_free(now);
                expected = g_strdup_printf("current:%s old:%s", second, first);
                now = state(b);
                g_assert_cmpstr(now, ==, expected);
        }
        for (int i = 0; i < 2; i++) {
                authority_bench_change(b, change_retire);
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

/* ---- What is put aside ---- */

static void remove_file(AuthorityBench *b, const char *file)
{
        g_autofree char *path = g_build_filename(b->folder, file, NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void write_file(AuthorityBench *b, const char *file, const char *text)
{
        g_autofree char *path = g_build_filename(b->folder, file, NULL);

        g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static char *read_file(AuthorityBench *b, const char *file)
{
        g_autofree char *path = g_build_filename(b->folder, file, NULL);
        char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

/* current, next and old. */
static char *make_all_parts(AuthorityBench *b)
{
        authority_bench_change(b, change_make);
        authority_bench_change(b, change_begin);
        authority_bench_change(b, change_promote);
        authority_bench_change(b, change_begin);
        return fingerprint(b, PART_OLD);
}

static void test_what_is_left_of_a_lost_one_is_kept_untrusted(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *old = make_all_parts(b), *key = read_file(b, "ca.key"), *now = NULL, *id = NULL,
                        *path = NULL, *kept = NULL;

        remove_file(b, "ca.pem");
        write_file(b, "revoked", "");
        now = state(b);
        g_assert_true(g_str_has_prefix(now, "missing next:"));
        authority_bench_change(b, change_make);
        g_free(now);
        now = state(b);
        g_assert_true(g_str_has_prefix(now, "current:"));
        g_assert_null(strchr(now, ' '));
        id = fingerprint(b, PART_CURRENT);
        path = g_strdup_printf("before-%s/ca.key", id);
        kept = read_file(b, path);
        g_assert_cmpstr(key, ==, kept);
        g_assert_true(is_there(b, "before-@/next.pem", id));
        g_assert_true(is_there(b, "before-@/next.key", id));
        g_assert_true(is_there(b, "before-@/revoked", id));
        g_assert_false(is_there(b, "old-@.pem", old));
        g_assert_cmpuint(count_files(b), ==, 4); /* ca.pem, ca.key, owner, before- */
}

static void test_recreated_keys_are_destroyed_and_certificates_kept(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *old = make_all_parts(b), *id = NULL;
        static const char *const kept[] = { "ca.pem", "next.pem", "revoked" }, *const gone[] = { "ca.key",
                                                                                                 "next.key" };

        write_file(b, "revoked", "");
        authority_bench_change(b, change_recreate);
        id = fingerprint(b, PART_CURRENT);
        for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
                g_autofree char *format = g_strconcat("before-@/", kept[i], NULL);

                g_assert_true(is_there(b, format, id));
        }
        for (size_t i = 0; i < G_N_ELEMENTS(gone); i++) {
                g_autofree char *format = g_strconcat("before-@/", gone[i], NULL);

                g_assert_false(is_there(b, format, id));
        }
        g_assert_false(is_there(b, "old-@.key", old));
        g_assert_cmpuint(count_files(b), ==, 4);
}

static void test_an_emergency_takes_whatever_is_there(void)
{
        static const char *const files[] = { "ca.pem",   "ca.key",   "next.pem",
                                             "next.key", "made.pem", "recreated.pem" };

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autoptr(AuthorityBench) b = authority_bench_new();
                g_autofree char *now = NULL, *path = NULL;

                g_free(make_all_parts(b));
                path = g_build_filename(b->folder, files[i], NULL);
                (void) g_unlink(path);
                if (i % 2 == 0)
                        write_file(b, files[i], "nothing of use");
                else
                        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
                authority_bench_change(b, change_recreate);
                now = state(b);
                g_assert_true(g_str_has_prefix(now, "current:"));
                g_assert_null(strchr(now, ' '));
        }
}

/* ---- Keys that a change which was cut off was to destroy ---- */

static void make_folder(AuthorityBench *b, const char *name)
{
        g_autofree char *path = g_build_filename(b->folder, name, NULL);

        g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
}

static void test_keys_left_are_destroyed_by_the_next_look(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *old = make_all_parts(b), *folder = g_strconcat("retired-", old, ".destroy", NULL),
                        *from = g_strdup_printf("%s/old-%s.pem", b->folder, old),
                        *to = g_strdup_printf("%s/%s/old-%s.pem", b->folder, folder, old);

        make_folder(b, "before-0.destroy");
        write_file(b, "before-0.destroy/ca.key", "a key");
        write_file(b, "before-0.destroy/ca.pem", "a certificate");
        make_folder(b, folder); /* a retirement's first rename */
        g_assert_cmpint(g_rename(from, to), ==, 0);
        authority_look_free(look(b));
        g_assert_false(is_there(b, "before-0.destroy", ""));
        g_assert_false(is_there(b, "before-0/ca.key", ""));
        g_assert_true(is_there(b, "before-0/ca.pem", ""));
        g_assert_false(is_there(b, "old-@.key", old));
        g_assert_false(is_there(b, "retired-@/old-@.key", old));
        g_assert_true(is_there(b, "retired-@/old-@.pem", old));
}

static void test_keys_left_are_destroyed_where_the_authority_is_damaged(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();

        authority_bench_change(b, change_make);
        write_file(b, "ca.pem", "nothing of use");
        make_folder(b, "before-0.destroy");
        write_file(b, "before-0.destroy/ca.key", "a key");
        g_assert_null(authority_look(&b->options, false, NULL));
        g_assert_false(is_there(b, "before-0.destroy", ""));
        g_assert_false(is_there(b, "before-0/ca.key", ""));
}

static void test_what_cannot_be_destroyed_keeps_no_other(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();

        authority_bench_change(b, change_make);
        make_folder(b, "before-0"); /* the name is taken */
        write_file(b, "before-0/ca.pem", "another one");
        make_folder(b, "before-0.destroy");
        write_file(b, "before-0.destroy/ca.key", "a key");
        make_folder(b, "before-1.destroy");
        make_folder(b, "before-1.destroy/ca.key"); /* no file */
        write_file(b, "before-1.destroy/next.key", "a key");
        make_folder(b, "retired-2.destroy");
        write_file(b, "retired-2.destroy/old.key", "a key");
        authority_look_free(look(b));
        g_assert_true(is_there(b, "before-0/ca.pem", ""));
        g_assert_true(is_there(b, "before-0-2", ""));
        g_assert_false(is_there(b, "before-0-2/ca.key", ""));
        g_assert_true(is_there(b, "before-1.destroy", "")); /* there is still something to do */
        g_assert_false(is_there(b, "before-1.destroy/next.key", ""));
        g_assert_true(is_there(b, "retired-2", ""));
        g_assert_false(is_there(b, "retired-2/old.key", ""));
}

/* ---- How much is put aside ---- */

static unsigned count_folders(AuthorityBench *b, const char *prefix)
{
        g_autoptr(GDir) dir = g_dir_open(b->folder, 0, NULL);
        const char *name;
        unsigned n = 0;

        while ((name = g_dir_read_name(dir)))
                n += g_str_has_prefix(name, prefix);
        return n;
}

static void test_the_newest_16_are_kept_and_all_that_hold_a_key(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *lost = NULL, *first = NULL, *last = NULL;

        g_free(make_all_parts(b));
        remove_file(b, "ca.pem");
        authority_bench_change(b, change_make);
        lost = fingerprint(b, PART_CURRENT);
        make_folder(b, "before-notes");
        write_file(b, "before-notes/why", "somebody's own");
        for (unsigned i = 0; i < 20; i++) {
                authority_bench_change(b, change_recreate);
                g_free(last);
                last = fingerprint(b, PART_CURRENT);
                if (i == 0)
                        first = g_strdup(last);
        }
        g_assert_cmpuint(count_folders(b, "before-"), ==, 16 + 2);
        g_assert_true(is_there(b, "before-@/ca.key", lost));
        g_assert_true(is_there(b, "before-notes/why", ""));
        g_assert_false(is_there(b, "before-@", first));
        g_assert_true(is_there(b, "before-@/ca.pem", last));
}

static void test_more_names_than_are_read_are_an_error(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *old = make_all_parts(b), *before = state(b), *after = NULL;
        static const AuthorityBenchChange changes[] = { change_begin, change_recreate };
        char name[32];

        for (unsigned i = 0; i < 65536; i++) {
                g_snprintf(name, sizeof(name), "file-%u", i);
                write_file(b, name, "");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(changes[i](&b->options, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                g_assert_nonnull(strstr(error->message, "more than 65536 names\nRemove"));
        }
        g_assert_null(authority_look(&b->options, false, NULL));
        for (unsigned i = 0; i < 65536; i++) {
                g_snprintf(name, sizeof(name), "file-%u", i);
                remove_file(b, name);
        }
        after = state(b);
        g_assert_cmpstr(before, ==, after);
        g_assert_true(is_there(b, "old-@.pem", old));
}

/* ---- Whose it is ---- */

static void test_a_folder_from_before_is_taken_over(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(Authority) a = NULL;
        g_autofree char *before = NULL, *after = NULL, *owner = NULL;
        g_autoptr(GError) error = NULL;

        authority_bench_change(b, change_make);
        before = state(b);
        remove_file(b, "owner");
        b->options.environment = (char *) "production";
        after = state(b);
        g_assert_cmpstr(before, ==, after);
        g_assert_false(is_there(b, "owner", "")); /* looking claims nothing */
        a = authority_open(&b->options, &error);
        g_assert_no_error(error);
        owner = read_file(b, "owner");
        g_assert_cmpstr(owner, ==, "{\"issuer\":\"site\",\"environment\":\"production\"}");
}

static void test_another_issuer_or_environment_is_refused(void)
{
        static const struct {
                const char *name, *environment;
        } others[] = { { "other", "test" }, { "site", "production" }, { "site", NULL } };
        static const AuthorityBenchChange changes[] = { change_make, change_begin, change_promote,
                                                        change_retire, change_recreate };

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                g_autoptr(AuthorityBench) b = authority_bench_new();
                g_autofree char *folder = NULL, *path = NULL;
                AuthorityOptions other = b->options;

                b->options.environment = (char *) "test";
                authority_bench_change(b, change_make);
                /* In the place of a mount: the same folder, under the other's name. */
                folder = g_build_filename(CERT_AUTHORITY_DIR, others[i].name, NULL);
                path = fixture_path(b->root, folder);
                g_assert_cmpint(g_rename(b->folder, path), ==, 0);
                other.name = (char *) others[i].name;
                other.environment = (char *) others[i].environment;
                for (size_t j = 0; j < G_N_ELEMENTS(changes); j++) {
                        g_autoptr(GError) error = NULL;

                        g_assert_false(changes[j](&other, &error));
                        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                        g_assert_nonnull(
                                strstr(error->message, "of the issuer \"site\" of the environment \"test\""));
                }
        }
}

/* ---- Beside one another ---- */

static void test_what_is_missing_is_made_by_make_alone(void)
{
        static const AuthorityBenchChange changes[] = { change_begin, change_promote, change_retire };
        g_autoptr(AuthorityBench) b = authority_bench_new();

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(changes[i](&b->options, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                g_assert_nonnull(strstr(error->message, "certctl renew"));
        }
        g_assert_false(g_file_test(b->folder, G_FILE_TEST_EXISTS));
}

static void test_processes_at_once(void)
{
        static const AuthorityBenchChange changes[] = { change_make,    change_begin, change_promote,
                                                        change_retire,  change_begin, change_promote,
                                                        change_recreate };
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *now = NULL;
        pid_t pids[3 * G_N_ELEMENTS(changes)];
        int status;

        authority_bench_change(b, change_make);
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        g_autoptr(AuthorityLook) l = NULL;

                        if (!changes[i % G_N_ELEMENTS(changes)](&b->options, NULL))
                                _exit(1);
                        l = authority_look(&b->options, false, NULL);
                        _exit(l && !l->parts->missing ? 0 : 2);
                }
        }
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
                g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
                g_assert_cmpint(status, ==, 0);
        }
        now = state(b);
        g_assert_true(g_str_has_prefix(now, "current:"));
}

/* What is open notices each change: what it signs with, and what it says is trusted. */
static void test_an_open_one_notices(void)
{
        static const AuthorityBenchChange changes[] = { change_begin, change_promote, change_retire,
                                                        change_recreate };
        g_autoptr(AuthorityBench) b = authority_bench_new();

        authority_bench_change(b, change_make);
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(Authority) a = NULL;

                g_usleep(60 * 1000);
                a = authority_open(&b->options, NULL);
                g_assert_nonnull(a);
                g_assert_true(authority_is_current(a));
                g_assert_cmpuint(authority_roots(a)->len, ==, i == 1 || i == 2 ? 2 : 1);
                authority_bench_change(b, changes[i]);
                g_assert_false(authority_is_current(a));
        }
}

/* Who restores files takes no lock. In the place of the C library's: the first look at `folder` waits until
 * it has settled, then the files become those of `former`. */
static struct {
        AuthorityBench *b;
        char *former[2];
} restored;

int lstat(const char *path, struct stat *st)
{
        AuthorityBench *b = restored.b;

        if (b && g_str_equal(path, b->folder)) {
                restored.b = NULL;
                g_usleep(60 * 1000);
                write_file(b, "ca.pem", restored.former[0]);
                write_file(b, "ca.key", restored.former[1]);
        }
        return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

static void test_an_open_one_is_no_older_than_what_it_knows_of_the_files(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(Authority) a = NULL;
        g_autofree char *former = NULL, *now = NULL;
        gnutls_datum_t expected = { 0 };

        authority_bench_change(b, change_make);
        former = fingerprint(b, PART_CURRENT);
        restored.former[0] = read_file(b, "ca.pem");
        restored.former[1] = read_file(b, "ca.key");
        authority_bench_change(b, change_recreate);
        g_usleep(60 * 1000);
        restored.b = b;
        a = authority_open(&b->options, NULL);
        g_assert_null(restored.b);
        g_assert_nonnull(a);
        now = fingerprint(b, PART_CURRENT);
        g_assert_cmpstr(now, ==, former);
        if (authority_is_current(a)) {
                g_assert_cmpint(
                        gnutls_x509_crt_export2(authority_certificate(a), GNUTLS_X509_FMT_PEM, &expected), >=,
                        0);
                g_assert_cmpstr((const char *) expected.data, ==, restored.former[0]);
                gnutls_free(expected.data);
        }
        g_free(restored.former[0]);
        g_free(restored.former[1]);
}

static void test_no_more_old_ones_than_can_be_told_of(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(GError) error = NULL;

        authority_bench_change(b, change_make);
        for (unsigned i = 0; i < PART_OLD_MAX; i++) {
                authority_bench_change(b, change_begin);
                authority_bench_change(b, change_promote);
        }
        authority_bench_change(b, change_begin);
        g_assert_false(change_promote(&b->options, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        authority_bench_change(b, change_retire);
        authority_bench_change(b, change_promote);
}

static void test_path_length(void)
{
        for (unsigned length = 0; length <= 8; length += 4) {
                g_autoptr(AuthorityBench) b = authority_bench_new();
                g_autoptr(AuthorityLook) l = NULL;
                unsigned critical, ca;
                int found;

                b->options.path_length = length;
                authority_bench_change(b, change_make);
                l = look(b);
                g_assert_cmpint(gnutls_x509_crt_get_basic_constraints(
                                        parts_in_role(l->parts, PART_CURRENT)->crt, &critical, &ca, &found),
                                >=, 0);
                g_assert_true(critical && ca);
                g_assert_cmpint(found, ==, (int) length);
        }
}

/* ---- A disk that is full ---- */

/* Of a file at most `limit` bytes can be written: none of the key, or the key and not all of the certificate.
 */
static void change_on_full_disk(AuthorityBench *b, AuthorityBenchChange f, rlim_t limit)
{
        struct rlimit before, full;
        g_autoptr(GError) error = NULL;
        bool done;

        g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
        full = (struct rlimit){ limit, before.rlim_max };
        signal(SIGXFSZ, SIG_IGN);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &full), ==, 0);
        done = f(&b->options, &error);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
        g_assert_false(done);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        g_assert_nonnull(strstr(error->message, "cannot be written"));
}

static void test_a_full_disk_changes_nothing(void)
{
        static const AuthorityBenchChange changes[] = { change_make, change_begin, change_recreate };
        static const rlim_t limits[] = { 0, 300 };

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(limits); j++) {
                        g_autoptr(AuthorityBench) b = authority_bench_new();
                        g_autofree char *before = NULL, *after = NULL;
                        unsigned files;

                        authority_bench_change(b, change_make);
                        if (changes[i] == change_make)
                                remove_file(b, "ca.key");
                        before = state(b);
                        files = count_files(b);
                        change_on_full_disk(b, changes[i], limits[j]);
                        after = state(b);
                        g_assert_cmpstr(before, ==, after);
                        g_assert_cmpuint(count_files(b), ==, files);
                        authority_bench_change(b, changes[i]);
                }
}

/* ---- Watching ---- */

static bool is_told(int inotify)
{
        struct pollfd p = { .fd = inotify, .events = POLLIN };
        char events[4096];
        bool told = poll(&p, 1, 0) == 1;

        if (told)
                g_assert_cmpint(read(inotify, events, sizeof(events)), >, 0);
        return told;
}

static void test_a_watch_tells_of_each_change_and_of_no_look(void)
{
        static const AuthorityBenchChange changes[] = { change_begin, change_promote, change_retire,
                                                        change_recreate };
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *parent = fixture_path(b->root, CERT_AUTHORITY_DIR), *certificate = NULL;
        g_autoptr(GError) error = NULL;
        int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        g_assert_false(g_file_test(parent, G_FILE_TEST_EXISTS));
        g_assert_true(store_watch("site", inotify, &error));
        g_assert_true(g_file_test(parent, G_FILE_TEST_IS_DIR));
        g_assert_false(g_file_test(b->folder, G_FILE_TEST_EXISTS));
        authority_bench_change(b, change_make);
        g_assert_true(is_told(inotify)); /* the folder came */
        g_assert_true(store_watch("site", inotify, &error));
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                authority_bench_change(b, changes[i]);
                g_assert_true(is_told(inotify));
        }
        authority_look_free(look(b));
        authority_free(authority_open(&b->options, NULL));
        g_assert_false(is_told(inotify));
        certificate = g_build_filename(b->folder, "ca.pem", NULL);
        g_assert_cmpint(g_chmod(certificate, 0600), ==, 0);
        g_assert_true(is_told(inotify));
        close(inotify);
}

static void test_a_folder_that_cannot_be_watched_is_an_error(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *parent = fixture_path(b->root, CERT_AUTHORITY_DIR);
        g_autoptr(GError) error = NULL;
        int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        g_assert_cmpint(g_mkdir(parent, 0700), ==, 0);
        g_assert_cmpint(symlink("/tmp", b->folder), ==, 0);
        g_assert_false(store_watch("site", inotify, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        g_clear_error(&error);
        g_assert_cmpint(unlink(b->folder) | rmdir(parent), ==, 0);
        g_assert_true(g_file_set_contents(parent, "", 0, NULL));
        g_assert_false(store_watch("site", inotify, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        close(inotify);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/change/missing, then made once", test_missing_then_made_once);
        g_test_add_func("/change/a rotation", test_a_rotation);
        g_test_add_func("/change/what is left of a lost one is kept, untrusted",
                        test_what_is_left_of_a_lost_one_is_kept_untrusted);
        g_test_add_func("/change/recreated: keys are destroyed and certificates kept",
                        test_recreated_keys_are_destroyed_and_certificates_kept);
        g_test_add_func("/change/an emergency takes whatever is there",
                        test_an_emergency_takes_whatever_is_there);
        g_test_add_func("/change/keys left are destroyed by the next look",
                        test_keys_left_are_destroyed_by_the_next_look);
        g_test_add_func("/change/keys left are destroyed where the authority is damaged",
                        test_keys_left_are_destroyed_where_the_authority_is_damaged);
        g_test_add_func("/change/what cannot be destroyed keeps no other",
                        test_what_cannot_be_destroyed_keeps_no_other);
        g_test_add_func("/change/the newest 16 are kept, and all that hold a key",
                        test_the_newest_16_are_kept_and_all_that_hold_a_key);
        g_test_add_func("/change/more names than are read are an error",
                        test_more_names_than_are_read_are_an_error);
        g_test_add_func("/change/a folder from before is taken over",
                        test_a_folder_from_before_is_taken_over);
        g_test_add_func("/change/another issuer or environment is refused",
                        test_another_issuer_or_environment_is_refused);
        g_test_add_func("/change/what is missing is made by make alone",
                        test_what_is_missing_is_made_by_make_alone);
        g_test_add_func("/change/processes at once", test_processes_at_once);
        g_test_add_func("/change/an open one notices", test_an_open_one_notices);
        g_test_add_func("/change/an open one is no older than what it knows of the files",
                        test_an_open_one_is_no_older_than_what_it_knows_of_the_files);
        g_test_add_func("/change/no more old ones than can be told of",
                        test_no_more_old_ones_than_can_be_told_of);
        g_test_add_func("/change/path length", test_path_length);
        g_test_add_func("/change/a full disk changes nothing", test_a_full_disk_changes_nothing);
        g_test_add_func("/change/a watch tells of each change and of no look",
                        test_a_watch_tells_of_each_change_and_of_no_look);
        g_test_add_func("/change/a folder that cannot be watched",
                        test_a_folder_that_cannot_be_watched_is_an_error);
        return g_test_run();
}

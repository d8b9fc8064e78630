/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records: kept over restarts, set aside when damaged, adopted from what is on disk; back-off; the store. */

#include "agent/generation.h"
#include "agent/record.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW (UINT64_C(1767225600) * USEC_PER_SEC)
#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

typedef struct World {
        char *root, *folder;
} World;

static void set_up(World *w, gconstpointer data)
{
        w->root = fixture_root_new();
        w->folder = fixture_path(w->root, CERT_RECORD_DIR);
}

static void tear_down(World *w, gconstpointer data)
{
        g_free(w->folder);
        fixture_root_free(w->root);
}

/* Every member set. */
static Record *full_record_new(const char *name)
{
        Record *r = record_new(name);

        r->issuer = g_strdup("site");
        r->request_digest = g_strdup(DIGEST_A);
        r->generation = 7;
        r->fingerprint = g_strdup(DIGEST_B);
        r->revoked = g_strdup(DIGEST_B);
        r->taken = g_strdup(DIGEST_A);
        r->last_renewal = NOW - 5;
        r->failures = 3;
        r->failed_digest = g_strdup(DIGEST_A);
        r->failed_issuer = g_strdup(DIGEST_B);
        r->failed_at = NOW - 3;
        r->retry_at = NOW + 3;
        r->retry_told = true;
        r->error = CERT_ERROR_UNIT_FAILED;
        r->message = g_strdup("nginx: \"quoted\"\tand \xc3\xa9");
        r->hint = g_strdup("Look at\nthe log.");
        r->blocked = r->degraded = true;
        r->pending = 8;
        r->pending_digest = g_strdup(DIGEST_B);
        r->pending_imported = true;
        r->token = g_strdup("token/1");
        r->token_digest = g_strdup(DIGEST_A);
        r->token_generation = 9;
        r->poll_at = UINT64_MAX;
        r->requested_at = NOW + 11;
        r->reminded_at = NOW + 12;
        r->authority = g_strdup(DIGEST_B);
        r->source = g_strdup(DIGEST_A);
        r->unused_since = NOW + 10;
        r->answered = g_strdup("bundle:site=missing web=" DIGEST_A);
        record_add_event(r, NOW, "failed", REASON_BIT(REASON_EXPIRING) | REASON_BIT(REASON_FORCED), "01ff", "one\ntwo");
        return r;
}

static void assert_same(const Record *a, const Record *b)
{
        g_assert_cmpstr(a->name, ==, b->name);
        g_assert_cmpstr(a->issuer, ==, b->issuer);
        g_assert_cmpstr(a->request_digest, ==, b->request_digest);
        g_assert_cmpuint(a->generation, ==, b->generation);
        g_assert_cmpstr(a->fingerprint, ==, b->fingerprint);
        g_assert_cmpstr(a->revoked, ==, b->revoked);
        g_assert_cmpstr(a->taken, ==, b->taken);
        g_assert_cmpuint(a->last_renewal, ==, b->last_renewal);
        g_assert_cmpuint(a->failures, ==, b->failures);
        g_assert_cmpstr(a->failed_digest, ==, b->failed_digest);
        g_assert_cmpstr(a->failed_issuer, ==, b->failed_issuer);
        g_assert_cmpuint(a->failed_at, ==, b->failed_at);
        g_assert_cmpuint(a->retry_at, ==, b->retry_at);
        g_assert_cmpint(a->retry_told, ==, b->retry_told);
        g_assert_cmpint(a->error, ==, b->error);
        g_assert_cmpstr(a->message, ==, b->message);
        g_assert_cmpstr(a->hint, ==, b->hint);
        g_assert_cmpint(a->blocked, ==, b->blocked);
        g_assert_cmpint(a->degraded, ==, b->degraded);
        g_assert_cmpuint(a->pending, ==, b->pending);
        g_assert_cmpstr(a->pending_digest, ==, b->pending_digest);
        g_assert_cmpint(a->pending_imported, ==, b->pending_imported);
        g_assert_cmpstr(a->token, ==, b->token);
        g_assert_cmpstr(a->token_digest, ==, b->token_digest);
        g_assert_cmpuint(a->requested_at, ==, b->requested_at);
        g_assert_cmpuint(a->reminded_at, ==, b->reminded_at);
        g_assert_cmpuint(a->token_generation, ==, b->token_generation);
        g_assert_cmpuint(a->poll_at, ==, b->poll_at);
        g_assert_cmpstr(a->authority, ==, b->authority);
        g_assert_cmpstr(a->source, ==, b->source);
        g_assert_cmpuint(a->unused_since, ==, b->unused_since);
        g_assert_cmpstr(a->answered, ==, b->answered);
}

static void save(Record *r)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(record_save(r, &error));
        g_assert_no_error(error);
}

static Record *load(const char *name, bool expect_known)
{
        g_autoptr(GError) error = NULL;
        Record *r = NULL;
        bool known;

        g_assert_true(record_load(name, &r, &known, &error));
        g_assert_no_error(error);
        g_assert_cmpint(known, ==, expect_known);
        g_assert_cmpstr(r->name, ==, name);
        return r;
}

static char *file_of(const World *w, const char *name)
{
        return g_strdup_printf("%s/%s", w->folder, name);
}

/* How many files of the folder begin so. */
static unsigned count_files(const World *w, const char *prefix)
{
        g_autoptr(GDir) dir = g_dir_open(w->folder, 0, NULL);
        const char *name;
        unsigned n = 0;

        while (dir && (name = g_dir_read_name(dir)))
                n += g_str_has_prefix(name, prefix);
        return n;
}

/* ---- Files ---- */

static void test_kept(World *w, gconstpointer data)
{
        g_autoptr(Record) a = full_record_new("web"), b = NULL;
        g_autofree char *file = file_of(w, "web.json");
        const RecordEvent *e;
        struct stat st;

        save(a);
        g_assert_cmpint(stat(file, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        g_assert_cmpint(stat(w->folder, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0700);
        b = load("web", true);
        assert_same(a, b);
        g_assert_cmpuint(b->history->len, ==, 1);
        e = g_ptr_array_index(b->history, 0);
        g_assert_cmpuint(e->at, ==, NOW);
        g_assert_cmpstr(e->kind, ==, "failed");
        g_assert_cmpstr(e->reasons, ==, "expiring forced");
        g_assert_cmpstr(e->serial, ==, "01ff");
        g_assert_cmpstr(e->detail, ==, "one");
        g_assert_cmpuint(count_files(w, "."), ==, 0);
}

static void test_missing(World *w, gconstpointer data)
{
        g_autoptr(Record) r = load("web", false);
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) names = record_list();

        g_assert_cmpint(r->error, ==, _CERT_ERROR_INVALID);
        g_assert_cmpuint(g_strv_length(names), ==, 0);
        g_assert_true(record_remove("web", &error));
        g_assert_no_error(error);
}

static void test_list_and_remove(World *w, gconstpointer data)
{
        g_autoptr(Record) a = record_new("b.example"), b = record_new("a");
        g_autofree char *other = file_of(w, "readme.txt");
        g_auto(GStrv) names = NULL, rest = NULL;

        save(a);
        save(b);
        g_assert_true(g_file_set_contents(other, "", 0, NULL));
        names = record_list();
        g_assert_cmpuint(g_strv_length(names), ==, 2);
        g_assert_cmpstr(names[0], ==, "a");
        g_assert_cmpstr(names[1], ==, "b.example");
        g_assert_true(record_remove("a", NULL));
        rest = record_list();
        g_assert_cmpuint(g_strv_length(rest), ==, 1);
}

static void test_unsafe_names(World *w, gconstpointer data)
{
        static const char *const names[] = { "../../etc/passwd", "", ".hidden", "a/b" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(Record) r = record_new(names[i]), loaded = load(names[i], false);
                g_autoptr(GError) error = NULL;

                g_assert_nonnull(loaded);
                g_assert_false(record_save(r, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        }
}

static void test_history_is_bounded(World *w, gconstpointer data)
{
        g_autoptr(Record) r = record_new("web");

        for (unsigned i = 0; i < RECORD_HISTORY_MAX + 10; i++)
                record_add_event(r, i, "renewed", 0, NULL, NULL);
        g_assert_cmpuint(r->history->len, ==, RECORD_HISTORY_MAX);
        g_assert_cmpuint(((RecordEvent *) g_ptr_array_index(r->history, 0))->at, ==, 10);
}

static void test_many(World *w, gconstpointer data)
{
        enum { N = 40 };
        Record *records[N];
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < N; i++) {
                g_autofree char *name = g_strdup_printf("web%02u", i);

                records[i] = full_record_new(name);
        }
        /* One that cannot be saved does not keep the others back. */
        g_free(records[3]->name);
        records[3]->name = g_strdup("a/b");
        g_assert_false(record_save_many(records, N, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_cmpuint(count_files(w, "web"), ==, N - 1);
        g_assert_cmpuint(count_files(w, "."), ==, 0);
        for (unsigned i = 0; i < N; i++)
                record_free(records[i]);
}

static void test_folder_vanished(World *w, gconstpointer data)
{
        g_autoptr(Record) r = record_new("web");
        g_autofree char *state = fixture_path(w->root, CERT_STATE_DIR);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_rmdir(state), ==, 0);
        g_assert_true(g_file_set_contents(state, "", 0, NULL));
        g_assert_false(record_save(r, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_nonnull(strstr(error->message, CERT_RECORD_DIR));
        g_assert_null(strstr(error->message, w->root));
}

/* ---- Damage ---- */

static void put(World *w, const char *content, gssize size)
{
        g_autofree char *file = file_of(w, "web.json");

        fixture_make_folder(w->root, CERT_RECORD_DIR, 0700);
        g_assert_true(g_file_set_contents(file, content, size, NULL));
}

/* Loading gives a new record; what was there stands under another name. */
static void assert_set_aside(World *w)
{
        const char *argv[] = { "find", w->folder, "-name", "web.json.damaged-*", "-delete", NULL };
        g_autoptr(Record) r = load("web", false);
        g_autofree char *file = file_of(w, "web.json");
        struct stat st;

        g_assert_cmpint(lstat(file, &st), ==, -1);
        g_assert_cmpuint(count_files(w, "web.json.damaged-"), ==, 1);
        g_assert_null(r->fingerprint);
        g_assert_cmpuint(r->history->len, ==, 0);
        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

static void test_damaged_content(World *w, gconstpointer data)
{
        static const char *const texts[] = {
                "", "{", "null", "[]", "\"web\"", "{}", "not json at all",
                "{\"version\":1}", "{\"version\":2,\"name\":\"web\"}", "{\"version\":1,\"name\":\"other\"}",
                "{\"version\":\"1\",\"name\":\"web\"}",
                "{\"version\":1,\"name\":\"web\",\"failures\":\"3\"}", "{\"version\":1,\"name\":\"web\",\"failures\":-1}",
                "{\"version\":1,\"name\":\"web\",\"failures\":1.5}",
                "{\"version\":1,\"name\":\"web\",\"generation\":4294967296}",
                "{\"version\":1,\"name\":\"web\",\"retry_at\":99999999999999999999999}",
                "{\"version\":1,\"name\":\"web\",\"blocked\":1}", "{\"version\":1,\"name\":\"web\",\"issuer\":null}",
                "{\"version\":1,\"name\":\"web\",\"fingerprint\":\"abc\"}",
                "{\"version\":1,\"name\":\"web\",\"fingerprint\":\"" DIGEST_A "A\"}",
                "{\"version\":1,\"name\":\"web\",\"history\":{}}", "{\"version\":1,\"name\":\"web\",\"history\":[1]}",
                "{\"version\":1,\"name\":\"web\",\"history\":[{\"at\":\"x\"}]}",
                "{\"version\":1,\"name\":\"web\",\"issuer\":\"\xff\xfe\"}",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                put(w, texts[i], -1);
                assert_set_aside(w);
        }
        put(w, "{\"version\":1,\"name\":\"web\"}\0x", 28);
        assert_set_aside(w);
}

static void test_cut_off(World *w, gconstpointer data)
{
        g_autoptr(Record) r = full_record_new("web");
        g_autofree char *file = file_of(w, "web.json"), *content = NULL;
        gsize size;

        save(r);
        g_assert_true(g_file_get_contents(file, &content, &size, NULL));
        for (gsize n = 0; n + 2 < size; n += 37) {
                put(w, content, (gssize) n);
                assert_set_aside(w);
        }
}

static void test_deep(World *w, gconstpointer data)
{
        g_autofree char *deep = g_strnfill(500000, '[');

        put(w, deep, -1);
        assert_set_aside(w);
        memcpy(deep, "{\"a\":\"\\\"[", 9); /* brackets in a string do not nest */
        put(w, deep, -1);
        assert_set_aside(w);
}

static void test_huge(World *w, gconstpointer data)
{
        g_autofree char *file = file_of(w, "web.json");

        put(w, "", 0);
        g_assert_cmpint(truncate(file, 100 << 20), ==, 0);
        assert_set_aside(w);
}

static void test_not_a_file(World *w, gconstpointer data)
{
        g_autofree char *file = file_of(w, "web.json"), *target = file_of(w, "target");
        g_autoptr(Record) r = full_record_new("web");

        fixture_make_folder(w->root, CERT_RECORD_DIR, 0700);
        g_assert_cmpint(mkfifo(file, 0600), ==, 0);
        assert_set_aside(w); /* and does not hang */
        save(r);
        g_assert_cmpint(rename(file, target), ==, 0);
        g_assert_cmpint(symlink(target, file), ==, 0);
        assert_set_aside(w);
        g_assert_true(g_file_test(target, G_FILE_TEST_IS_REGULAR));
        g_assert_cmpint(g_mkdir(file, 0700), ==, 0);
        {
                g_autoptr(Record) fresh = load("web", false);

                g_assert_nonnull(fresh);
                g_assert_cmpuint(count_files(w, "web.json.damaged-"), ==, 1);
        }
}

static void test_later_version_members(World *w, gconstpointer data)
{
        g_autoptr(Record) r = NULL;

        put(w, "{\"version\":1,\"name\":\"web\",\"issuer\":\"site\",\"new_thing\":{\"a\":[1]},\"error\":\"no.such\"}", -1);
        r = load("web", true);
        g_assert_cmpstr(r->issuer, ==, "site");
        g_assert_cmpint(r->error, ==, _CERT_ERROR_INVALID);
}

/* ---- Failing ---- */

static void test_backoff(void)
{
        uint64_t last = 0;

        for (unsigned n = 1; n < 20; n++) {
                uint64_t low = record_backoff(n, 0, 0), middle = record_backoff(n, 0, UINT32_MAX / 2);
                uint64_t high = record_backoff(n, 0, UINT32_MAX), base = MIN(USEC_PER_MINUTE << MIN(n - 1, 30u), 8 * USEC_PER_HOUR);

                g_assert_cmpuint(low, ==, MAX(base * 8 / 10, USEC_PER_MINUTE));
                g_assert_cmpuint(high, ==, MIN(base * 12 / 10, 8 * USEC_PER_HOUR));
                g_assert_cmpuint(middle, >=, last);
                last = middle;
        }
        g_assert_cmpuint(record_backoff(UINT_MAX, 0, 0), ==, 8 * USEC_PER_HOUR * 8 / 10);
        g_assert_cmpuint(record_backoff(0, 0, UINT32_MAX), ==, USEC_PER_MINUTE * 12 / 10);
        g_assert_cmpuint(record_backoff(20, 6 * USEC_PER_HOUR, UINT32_MAX), ==, 2 * USEC_PER_HOUR);
        /* certificates of minutes */
        g_assert_cmpuint(record_backoff(20, 2 * USEC_PER_MINUTE, 0), ==, 40 * USEC_PER_SEC);
        g_assert_cmpuint(record_backoff(1, 3, 0), ==, 10 * USEC_PER_SEC);
        g_assert_cmpuint(record_remaining(NOW, NOW - 7, NOW + 5), ==, 5);
        g_assert_cmpuint(record_remaining(NOW, NOW - 7, NOW - 1), ==, 6);
        g_assert_cmpuint(record_remaining(NOW, NOW - 1, NOW - 7), ==, 0);
}

static void test_fail_and_succeed(void)
{
        g_autoptr(Record) r = record_new("web");
        g_autoptr(GError) error = g_error_new(CERT_ERROR, CERT_ERROR_ISSUER_REFUSED, "no\nAsk the CA.");

        record_fail(r, NOW, 90 * USEC_PER_DAY, 0, error);
        g_assert_cmpuint(r->failures, ==, 1);
        g_assert_cmpuint(r->failed_at, ==, NOW);
        g_assert_cmpuint(r->retry_at, >=, NOW + USEC_PER_MINUTE);
        g_assert_cmpuint(r->retry_at, <=, NOW + USEC_PER_MINUTE * 12 / 10);
        g_assert_cmpint(r->error, ==, CERT_ERROR_ISSUER_REFUSED);
        g_assert_cmpstr(r->message, ==, "no");
        g_assert_cmpstr(r->hint, ==, "Ask the CA.");
        record_fail(r, NOW, 60, 7 * USEC_PER_HOUR, error); /* the CA's word wins */
        g_assert_cmpuint(r->failures, ==, 2);
        g_assert_cmpuint(r->retry_at, ==, NOW + 7 * USEC_PER_HOUR);
        record_fail(r, NOW, 0, UINT64_MAX, error);
        g_assert_cmpuint(r->retry_at, ==, NOW + 30 * USEC_PER_DAY);
        r->degraded = r->blocked = true;
        record_succeed(r);
        g_assert_cmpuint(r->failures, ==, 0);
        g_assert_cmpuint(r->retry_at, ==, 0);
        g_assert_cmpint(r->error, ==, _CERT_ERROR_INVALID);
        g_assert_null(r->message);
        g_assert_null(r->hint);
        g_assert_false(r->degraded || r->blocked);
}

/* ---- Adopting ---- */

static unsigned save_generation(Generation *g)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(g, "web", &error));
        g_assert_no_error(error);
        return g->number;
}

static void test_adopt(World *w, gconstpointer data)
{
        g_autoptr(FixtureAuthority) ca = fixture_authority_new();
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(Generation) old = fixture_generation_new(ca, c), fresh = fixture_generation_new(ca, c);
        g_autoptr(Record) lost = record_new("web"), foreign = record_new("web"), r = record_new("web");
        unsigned first = save_generation(old), second = save_generation(fresh);

        /* the record was lost */
        g_assert_true(record_adopt(lost, old->fingerprint));
        g_assert_cmpuint(lost->generation, ==, first);
        g_assert_cmpstr(lost->fingerprint, ==, old->fingerprint);
        g_assert_null(lost->taken);
        g_assert_false(record_adopt(lost, old->fingerprint));
        /* files that are not ours */
        g_assert_true(record_adopt(foreign, DIGEST_A));
        g_assert_cmpuint(foreign->generation, ==, 0);
        g_assert_cmpstr(foreign->taken, ==, DIGEST_A);
        /* killed between the install and the record */
        r->generation = first;
        r->fingerprint = g_strdup(old->fingerprint);
        r->taken = g_strdup(old->fingerprint);
        r->request_digest = g_strdup(DIGEST_A);
        r->authority = g_strdup(DIGEST_A);
        r->source = g_strdup(DIGEST_A);
        r->pending = second;
        r->pending_digest = g_strdup(DIGEST_B);
        g_assert_false(record_adopt(r, DIGEST_A)); /* replaced by hand: that is drift */
        g_assert_cmpuint(r->generation, ==, first);
        g_assert_true(record_adopt(r, fresh->fingerprint));
        g_assert_cmpuint(r->generation, ==, second);
        g_assert_cmpstr(r->taken, ==, old->fingerprint);
        g_assert_cmpstr(r->request_digest, ==, DIGEST_B);
        g_assert_cmpuint(r->pending, ==, 0);
        g_assert_null(r->authority); /* whose it is and what was made from is not known of this one */
        g_assert_null(r->source);
        g_assert_false(record_adopt(r, old->fingerprint)); /* an older one put back by hand: drift as well */
}

static void test_adopt_bundle(World *w, gconstpointer data)
{
        g_autoptr(FixtureAuthority) ca = fixture_authority_new();
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(Generation) leaf = fixture_generation_new(ca, c);
        g_autoptr(Generation) bundle = generation_new_content(leaf->ca_pem, NULL);
        g_autoptr(Record) lost = record_new("bundle:site"), foreign = record_new("bundle:site");
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(bundle, "bundle:site", &error));
        g_assert_no_error(error);
        g_assert_true(record_adopt(lost, bundle->fingerprint));
        g_assert_cmpuint(lost->generation, ==, bundle->number);
        g_assert_null(lost->taken);
        g_assert_true(record_adopt(foreign, DIGEST_A));
        g_assert_cmpuint(foreign->generation, ==, 0);
        save(lost);
        record_free(load("bundle:site", true));
}

/* ---- The store ---- */

static Record *get(RecordStore *s, const char *name, bool expect_known)
{
        g_autoptr(GError) error = NULL;
        Record *r = NULL;
        bool known;

        g_assert_true(record_store_get(s, name, &r, &known, &error));
        g_assert_no_error(error);
        g_assert_cmpint(known, ==, expect_known);
        return r;
}

static void store_save(RecordStore *s, Record *r)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(record_store_save(s, &r, 1, &error));
        g_assert_no_error(error);
}

/* Past the time in which a file could change without a sign of it. */
static void let_times_settle(void)
{
        g_usleep(30000);
}

static void test_store(World *w, gconstpointer data)
{
        g_autofree char *summary = fixture_path(w->root, CERT_RECORD_SUMMARY_FILE);
        g_autoptr(Record) full = full_record_new("web");
        g_autoptr(RecordStore) s = NULL;
        Record *r;

        save(full);
        let_times_settle();
        s = record_store_new();
        r = get(s, "web", true);
        assert_same(full, r);
        g_assert_null(r->history);
        g_assert_true(get(s, "web", true) == r);
        (void) get(s, "other", false);
        record_store_write_summary(s);
        g_assert_true(g_file_test(summary, G_FILE_TEST_EXISTS));

        s = record_store_free(s);
        s = record_store_new();
        r = get(s, "web", true);
        assert_same(full, r);
        g_assert_null(r->history);
        record_add_event(r, NOW + 1, "renewed", 0, NULL, NULL);
        g_assert_cmpuint(r->history->len, ==, 2);
        store_save(s, r);
        g_assert_null(r->history);
        record_load_history(r);
        g_assert_cmpuint(r->history->len, ==, 2);
}

/* The summary must not outlive what it was made from. */
static void test_store_sees_changes(World *w, gconstpointer data)
{
        g_autoptr(Record) a = full_record_new("web");
        g_autofree char *file = file_of(w, "web.json");
        RecordStore *s = NULL;

        save(a);
        let_times_settle();
        s = record_store_new();
        (void) get(s, "web", true);
        record_store_write_summary(s);
        s = record_store_free(s);

        a->generation = 8; /* of the same size */
        save(a);
        s = record_store_new();
        g_assert_cmpuint(get(s, "web", true)->generation, ==, 8);
        s = record_store_free(s);

        g_assert_cmpint(g_unlink(file), ==, 0);
        s = record_store_new();
        g_assert_cmpuint(get(s, "web", false)->generation, ==, 0);
        s = record_store_free(s);
}

static void test_store_merges(World *w, gconstpointer data)
{
        g_autoptr(Record) a = full_record_new("a"), b = full_record_new("b");
        g_autofree char *file_b = file_of(w, "b.json");
        RecordStore *s = record_store_new();

        save(a);
        save(b);
        let_times_settle();
        s = record_store_free(s);
        s = record_store_new();
        (void) get(s, "a", true);
        (void) get(s, "b", true);
        record_store_write_summary(s);
        s = record_store_free(s);

        /* A life in which only "a" was asked for, and saved. */
        s = record_store_new();
        store_save(s, get(s, "a", true));
        let_times_settle();
        record_store_write_summary(s);
        s = record_store_free(s);

        s = record_store_new();
        assert_same(get(s, "b", true), b);
        g_assert_true(record_store_remove(s, "b", NULL));
        g_assert_false(g_file_test(file_b, G_FILE_TEST_EXISTS));
        (void) get(s, "b", false);
        record_store_write_summary(s);
        s = record_store_free(s);
        s = record_store_new();
        (void) get(s, "b", false);
        assert_same(get(s, "a", true), a);
        s = record_store_free(s);
}

static void test_store_damage(World *w, gconstpointer data)
{
        g_autofree char *summary = fixture_path(w->root, CERT_RECORD_SUMMARY_FILE);
        g_autoptr(Record) a = full_record_new("web");
        RecordStore *s;

        save(a);
        g_assert_true(g_file_set_contents(summary, "garbage that is no summary at all", -1, NULL));
        s = record_store_new();
        assert_same(get(s, "web", true), a);
        s = record_store_free(s);
        put(w, "{", 1);
        s = record_store_new();
        (void) get(s, "web", false);
        s = record_store_free(s);
        g_assert_cmpuint(count_files(w, "web.json.damaged-"), ==, 1);
}

#define ADD(path, function) g_test_add("/record/" path, World, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("every fact comes back", test_kept);
        ADD("a missing file is a new record", test_missing);
        ADD("listed in order, removed", test_list_and_remove);
        ADD("a name that is no file's is refused", test_unsafe_names);
        ADD("the history is bounded", test_history_is_bounded);
        ADD("many are saved, one fails alone", test_many);
        ADD("a folder that cannot be made is said", test_folder_vanished);
        ADD("damaged content is set aside", test_damaged_content);
        ADD("a file cut off anywhere is set aside", test_cut_off);
        ADD("deep nesting is set aside", test_deep);
        ADD("100 MB are set aside", test_huge);
        ADD("a FIFO, a link, a folder are set aside", test_not_a_file);
        ADD("members of later versions do no harm", test_later_version_members);
        g_test_add_func("/record/back-off doubles, is bounded and jittered", test_backoff);
        g_test_add_func("/record/failures count, success clears", test_fail_and_succeed);
        ADD("adopted from what is on disk", test_adopt);
        ADD("a bundle on disk is adopted", test_adopt_bundle);
        ADD("the store keeps, and comes back without history", test_store);
        ADD("the store sees changed and removed files", test_store_sees_changes);
        ADD("the summary keeps what was not asked for", test_store_merges);
        ADD("a damaged summary or record", test_store_damage);
        return g_test_run();
}

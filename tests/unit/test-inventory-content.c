/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inventory of bundles and revocation lists: one file whose content counts as a whole, over real files. */

#include "agent/inventory.h"

#include "agent/generation.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON ((time_t) 1800000000)

typedef struct World {
        char *root;
        char *path; /* the file's, in the test root */
        FixtureAuthority *ca;
        ManifestCertificate *c;
        Manifest manifest;
        Record *record;
        Inventory *inventory;
} World;

/* `kind` is NULL for a bundle. */
static void set_up(World *w, gconstpointer kind)
{
        w->root = fixture_root_new();
        fixture_make_folder(w->root, "/etc", 0755);
        fixture_make_folder(w->root, "/etc/tls", 0755);
        w->path = fixture_path(w->root, "/etc/tls/site.pem");
        w->ca = fixture_authority_new();
        w->inventory = inventory_new();
        w->c = fixture_certificate_new("site");
        w->c->kind = kind ? MANIFEST_KIND_CRL : MANIFEST_KIND_BUNDLE;
        g_free(w->c->name);
        w->c->name = g_strconcat(kind ? MANIFEST_CRL_PREFIX : MANIFEST_BUNDLE_PREFIX, "site", NULL);
        g_clear_pointer(&w->c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&w->c->path[MANAGED_FILE_KEY], g_free);
        w->c->path[MANAGED_FILE_CA] = g_strdup("/etc/tls/site.pem");
        w->manifest.certificates = g_ptr_array_new();
        w->manifest.bundles = g_ptr_array_new();
        g_ptr_array_add(w->manifest.bundles, w->c);
        w->manifest.by_name = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(w->manifest.by_name, w->c->name, w->c);
}

static void tear_down(World *w, gconstpointer kind)
{
        inventory_free(w->inventory);
        record_free(w->record);
        g_hash_table_unref(w->manifest.by_name);
        g_ptr_array_unref(w->manifest.bundles);
        g_ptr_array_unref(w->manifest.certificates);
        fixture_certificate_free(w->c);
        fixture_authority_free(w->ca);
        g_free(w->path);
        fixture_root_free(w->root);
}

static const CertificateFacts *look(World *w)
{
        return inventory_look(w->inventory, w->c, w->record, NULL);
}

static FileState state_of(World *w)
{
        return look(w)->file[MANAGED_FILE_CA].state;
}

static void put(World *w, const char *content, gssize size)
{
        g_assert_true(g_file_set_contents(w->path, content, size, NULL));
}

static void assert_content(World *w, const char *content)
{
        g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, content, -1);
        const CertificateFacts *f = look(w);

        g_assert_cmpint(f->file[MANAGED_FILE_CA].state, ==, FILE_STATE_PRESENT);
        for (ManagedFile i = 0; i < _MANAGED_FILE_MAX; i++)
                g_assert_true(i == MANAGED_FILE_CA || f->file[i].state == FILE_STATE_ABSENT);
        g_assert_null(f->leaf);
        g_assert_cmpstr(f->content, ==, digest);
        g_assert_cmpstr(facts_fingerprint(f), ==, digest);
}

static void test_bundle(World *w, gconstpointer data)
{
        g_autofree char *moved = g_strconcat(w->path, ".moved", NULL);

        g_assert_cmpint(state_of(w), ==, FILE_STATE_MISSING);
        g_assert_null(look(w)->content);
        put(w, "one", -1);
        assert_content(w, "one");
        put(w, "two", -1);
        assert_content(w, "two");
        g_assert_cmpuint(look(w)->content_until, ==, 0);
        g_assert_cmpint(g_chmod(w->path, 0600), ==, 0);
        g_assert_cmpuint(look(w)->file[MANAGED_FILE_CA].mode, ==, 0600);
        assert_content(w, "two");
        g_assert_cmpint(rename(w->path, moved), ==, 0);
        g_assert_cmpint(symlink(moved, w->path), ==, 0);
        g_assert_cmpint(state_of(w), ==, FILE_STATE_UNREADABLE);
        g_assert_null(look(w)->content);
        g_assert_cmpint(g_unlink(w->path), ==, 0);
        g_assert_null(facts_fingerprint(look(w)));
        g_assert_cmpint(mkfifo(w->path, 0600), ==, 0);
        g_assert_cmpint(state_of(w), ==, FILE_STATE_UNREADABLE);
        g_assert_null(look(w)->content);
}

static void test_size(World *w, gconstpointer data)
{
        put(w, "", 0);
        assert_content(w, "");
        g_assert_cmpint(truncate(w->path, GENERATION_CONTENT_MAX), ==, 0);
        g_assert_nonnull(look(w)->content);
        g_assert_cmpint(truncate(w->path, (off_t) GENERATION_CONTENT_MAX + 1), ==, 0);
        g_assert_cmpint(state_of(w), ==, FILE_STATE_UNREADABLE);
        g_assert_null(look(w)->content);
}

/* Another byte of the same size, within one tick of the clock that stamps files. */
static void test_change_within_a_tick(World *w, gconstpointer data)
{
        put(w, "a", 1);
        for (unsigned i = 0; i < 100; i++) {
                FILE *f = fopen(w->path, "r+e");

                fputs(i % 2 ? "a" : "b", f);
                fclose(f);
                assert_content(w, i % 2 ? "a" : "b");
        }
}

/* Read once and kept in memory, whatever is done with the cache file of the certificates. */
static void test_kept(World *w, gconstpointer data)
{
        g_autofree char *cache = fixture_path(w->root, CERT_FACTS_FILE);
        int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        put(w, "one", -1);
        g_assert_cmpint(inotify_add_watch(watch, w->path, IN_OPEN), >=, 0);
        g_usleep(30000); /* past the tick in which a change might not show */
        assert_content(w, "one");
        g_assert_cmpuint(fixture_count_opened(watch), ==, 1);
        inventory_save(w->inventory, &w->manifest);
        g_assert_false(g_file_test(cache, G_FILE_TEST_EXISTS)); /* nothing to be written */
        w->record = record_new(w->c->name);
        w->record->generation = 7; /* it is not compared with what is stored */
        assert_content(w, "one");
        inventory_set_served(w->inventory, w->c->name, "abc");
        g_assert_cmpstr(look(w)->served, ==, "abc");
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        put(w, "another", -1);
        g_assert_null(look(w)->served);
        close(watch);
}

static void append_list(World *w, GString *pem, time_t next_update)
{
        g_autoptr(GBytes) list = fixture_authority_crl(w->ca, next_update);

        g_string_append_len(pem, g_bytes_get_data(list, NULL), (gssize) g_bytes_get_size(list));
        put(w, pem->str, (gssize) pem->len);
}

static void test_revocation_lists(World *w, gconstpointer data)
{
        g_autoptr(GString) pem = g_string_new(NULL);

        append_list(w, pem, SOON + 500);
        assert_content(w, pem->str);
        g_assert_cmpuint(look(w)->content_until, ==, (uint64_t) (SOON + 500) * USEC_PER_SEC);
        append_list(w, pem, SOON);
        append_list(w, pem, SOON + 900);
        g_assert_cmpuint(look(w)->content_until, ==, (uint64_t) SOON * USEC_PER_SEC); /* the first that ends */
        put(w, pem->str, (gssize) pem->len - 40);
        g_assert_nonnull(look(w)->content);
        g_assert_cmpuint(look(w)->content_until, ==, 0);
        put(w, "no list", -1);
        g_assert_cmpuint(look(w)->content_until, ==, 0);
}

#define ADD(path, kind, function) g_test_add("/inventory-content/" path, World, kind, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("a bundle is its content, whatever that is", NULL, test_bundle);
        ADD("the largest size, and one byte more", NULL, test_size);
        ADD("a change within one tick is noticed", NULL, test_change_within_a_tick);
        ADD("read once, and in no cache file", NULL, test_kept);
        ADD("revocation lists speak until the first of them ends", "crl", test_revocation_lists);
        return g_test_run();
}

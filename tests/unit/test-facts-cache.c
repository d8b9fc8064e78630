/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cache file and its packed bytes: what was written is found again, and no damage is ever believed. */

#include "agent/facts-cache.h"
#include "agent/pack.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES 300

typedef struct World {
        char *root, *file;
} World;

static void set_up(World *w, gconstpointer data)
{
        w->root = fixture_root_new();
        w->file = fixture_path(w->root, CERT_FACTS_FILE);
}

static void tear_down(World *w, gconstpointer data)
{
        g_free(w->file);
        fixture_root_free(w->root);
}

static char *entry_name(unsigned i)
{
        return g_strdup_printf("name-%04u", i);
}

static void write_entries(unsigned n)
{
        g_autoptr(FactsWriter) w = facts_writer_new(FACTS_CACHE_FACTS);

        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = entry_name(i);
                GByteArray *a = facts_writer_begin(w, name);

                pack_u32(a, i);
                pack_string(a, name);
                facts_writer_end(w);
        }
        facts_writer_write(w, CERT_FACTS_FILE);
}

static void assert_entry(FactsCache *c, unsigned i)
{
        g_autofree char *name = entry_name(i);
        const uint8_t *data;
        size_t size;
        Unpack u;

        g_assert_true(facts_cache_find(c, name, &data, &size));
        u = unpack_new(data, size);
        g_assert_cmpuint(unpack_u32(&u), ==, i);
        g_assert_cmpstr(unpack_string(&u), ==, name);
        g_assert_true(unpack_is_whole(&u));
}

static void test_found_again(World *w, gconstpointer data)
{
        g_autoptr(FactsCache) c = NULL;
        const uint8_t *bytes;
        size_t size;
        struct stat st;

        write_entries(ENTRIES);
        g_assert_cmpint(stat(w->file, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        c = facts_cache_open(CERT_FACTS_FILE, FACTS_CACHE_FACTS);
        g_assert_cmpuint(facts_cache_size(c), ==, ENTRIES);
        for (unsigned i = 0; i < ENTRIES; i++)
                assert_entry(c, i);
        for (unsigned i = ENTRIES; i > 0; i -= 3)
                assert_entry(c, i - 1);
        g_assert_false(facts_cache_find(c, "", &bytes, &size));
        g_assert_false(facts_cache_find(c, "name-0001x", &bytes, &size));
        g_assert_false(facts_cache_find(c, "zzz", &bytes, &size));
        g_assert_cmpstr(facts_cache_entry(c, 7, &bytes, &size), ==, "name-0007");
}

static void test_replaced(World *w, gconstpointer data)
{
        g_autoptr(FactsCache) c = NULL;
        g_autofree char *staged = g_strconcat(w->file, ".new", NULL);

        write_entries(5);
        g_assert_cmpint(symlink("/etc/passwd", staged), ==, 0); /* what a crash or a prankster left */
        write_entries(2);
        c = facts_cache_open(CERT_FACTS_FILE, FACTS_CACHE_FACTS);
        g_assert_cmpuint(facts_cache_size(c), ==, 2);
        g_assert_false(g_file_test(staged, G_FILE_TEST_EXISTS));
}

static size_t size_when_opened(FactsCacheKind kind)
{
        g_autoptr(FactsCache) c = facts_cache_open(CERT_FACTS_FILE, kind);
        size_t n = facts_cache_size(c);

        /* Whatever is believed can be read without harm. */
        for (size_t i = 0; i < n; i++) {
                const uint8_t *data;
                size_t size;

                g_assert_nonnull(facts_cache_entry(c, i, &data, &size));
        }
        return n;
}

static void test_not_there(World *w, gconstpointer data)
{
        g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 0);
        g_assert_cmpint(g_mkdir(w->file, 0700), ==, 0);
        g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 0);
        g_assert_cmpint(g_rmdir(w->file), ==, 0);
        g_assert_cmpint(mkfifo(w->file, 0600), ==, 0);
        g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 0);
        write_entries(1);
        g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 1);
        g_assert_cmpuint(size_when_opened(FACTS_CACHE_RECORDS), ==, 0);
}

static void test_every_bit(World *w, gconstpointer data)
{
        g_autofree char *content = NULL;
        gsize size;

        write_entries(3);
        g_assert_true(g_file_get_contents(w->file, &content, &size, NULL));
        for (gsize i = 0; i < size * 8; i++) {
                content[i / 8] ^= (char) (1 << i % 8);
                g_assert_true(g_file_set_contents_full(w->file, content, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
                g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 0);
                content[i / 8] ^= (char) (1 << i % 8);
        }
}

static void test_every_length(World *w, gconstpointer data)
{
        g_autofree char *content = NULL;
        gsize size;

        write_entries(3);
        g_assert_true(g_file_get_contents(w->file, &content, &size, NULL));
        for (gsize n = 0; n < size; n++) {
                g_assert_true(g_file_set_contents_full(w->file, content, (gssize) n, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
                g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 0);
        }
}

static void test_unwritable(World *w, gconstpointer data)
{
        g_autofree char *folder = fixture_path(w->root, CERT_STATE_DIR);

        g_assert_cmpint(g_rmdir(folder), ==, 0);
        write_entries(3); /* nothing happens */
        g_assert_cmpuint(size_when_opened(FACTS_CACHE_FACTS), ==, 0);
}

/* ---- Packed bytes ---- */

static GByteArray *pack_one_of_each(void)
{
        static const char *const list[] = { "a", "", "ccc", NULL };
        GByteArray *a = g_byte_array_new();

        pack_u8(a, 200);
        pack_u32(a, UINT32_MAX);
        pack_u64(a, UINT64_C(0x0123456789abcdef));
        pack_string(a, NULL);
        pack_string(a, "");
        pack_string(a, "text");
        pack_strv(a, list);
        pack_strv(a, NULL);
        return a;
}

static void test_packed(void)
{
        g_autoptr(GByteArray) a = pack_one_of_each();
        Unpack u = unpack_new(a->data, a->len);

        g_assert_cmpuint(unpack_u8(&u), ==, 200);
        g_assert_cmpuint(unpack_u32(&u), ==, UINT32_MAX);
        g_assert_cmpuint(unpack_u64(&u), ==, UINT64_C(0x0123456789abcdef));
        g_assert_null(unpack_string(&u));
        g_assert_cmpstr(unpack_string(&u), ==, "");
        g_assert_cmpstr(unpack_string(&u), ==, "text");
        g_assert_cmpuint(unpack_strv_size(&u), ==, 3);
        for (unsigned i = 0; i < 3; i++)
                g_assert_nonnull(unpack_string(&u));
        g_assert_cmpuint(unpack_strv_size(&u), ==, 0);
        g_assert_true(unpack_is_whole(&u));
        (void) unpack_u8(&u);
        g_assert_false(unpack_is_whole(&u));
}

static void test_packed_cut(void)
{
        g_autoptr(GByteArray) a = pack_one_of_each();

        for (unsigned n = 0; n < a->len; n++) {
                g_autofree uint8_t *copy = g_memdup2(a->data, n); /* so that the sanitizer sees the end */
                Unpack u = unpack_new(copy, n);

                (void) unpack_u8(&u);
                (void) unpack_u32(&u);
                (void) unpack_u64(&u);
                for (unsigned i = 0; i < 3; i++)
                        (void) unpack_string(&u);
                for (uint32_t i = unpack_strv_size(&u); i > 0; i--)
                        (void) unpack_string(&u);
                (void) unpack_strv_size(&u);
                g_assert_true(u.damaged);
        }
}

static void test_packed_lies(void)
{
        static const uint8_t long_string[] = { 0xfe, 0xff, 0xff, 0xff, 'a', 0 };
        static const uint8_t nul_inside[] = { 2, 0, 0, 0, 'a', 0, 0 };
        static const uint8_t no_nul[] = { 1, 0, 0, 0, 'a', 'b' };
        static const uint8_t long_list[] = { 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0 };
        Unpack u = unpack_new(long_string, sizeof(long_string));

        g_assert_null(unpack_string(&u));
        g_assert_true(u.damaged);
        u = unpack_new(nul_inside, sizeof(nul_inside));
        g_assert_null(unpack_string(&u));
        g_assert_true(u.damaged);
        u = unpack_new(no_nul, sizeof(no_nul));
        g_assert_null(unpack_string(&u));
        g_assert_true(u.damaged);
        u = unpack_new(long_list, sizeof(long_list));
        g_assert_cmpuint(unpack_strv_size(&u), ==, 0);
        g_assert_true(u.damaged);
}

#define ADD(path, function) g_test_add("/facts-cache/" path, World, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("what was written is found again, in any order", test_found_again);
        ADD("it is replaced as a whole, over what a crash left", test_replaced);
        ADD("missing, a folder, a FIFO, another kind: empty", test_not_there);
        ADD("no flipped bit is believed", test_every_bit);
        ADD("no cut-off file is believed", test_every_length);
        ADD("a folder that cannot be written is no error", test_unwritable);
        g_test_add_func("/pack/one of each comes back", test_packed);
        g_test_add_func("/pack/cut off at every byte", test_packed_cut);
        g_test_add_func("/pack/lengths that lie", test_packed_lies);
        return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inventory over real files: what it says of them, that it notices every change, that it reads nothing twice, and
 * that nothing put in a file's place makes it hang, follow or fail. */

#include "agent/inventory.h"

#include "agent/generation.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct World {
        char *root;
        FixtureAuthority *ca;
        ManifestCertificate *c;
        Manifest manifest;
        Generation *g;
        Record *record;
        Inventory *inventory;
        AuthorityFacts *authority; /* that is asked who signed a leaf; NULL: none */
} World;

static void set_up(World *w, gconstpointer data)
{
        w->root = fixture_root_new();
        fixture_make_folder(w->root, "/etc", 0755);
        fixture_make_folder(w->root, "/etc/tls", 0755);
        w->ca = fixture_authority_new();
        w->c = fixture_certificate_new("web");
        w->g = fixture_generation_new(w->ca, w->c);
        w->inventory = inventory_new();
        w->manifest.certificates = g_ptr_array_new();
        g_ptr_array_add(w->manifest.certificates, w->c);
        w->manifest.by_name = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(w->manifest.by_name, w->c->name, w->c);
}

static void tear_down(World *w, gconstpointer data)
{
        inventory_free(w->inventory);
        authority_facts_unref(w->authority);
        record_free(w->record);
        generation_unref(w->g);
        g_hash_table_unref(w->manifest.by_name);
        g_ptr_array_unref(w->manifest.certificates);
        fixture_certificate_free(w->c);
        fixture_authority_free(w->ca);
        fixture_root_free(w->root);
}

static const CertificateFacts *look(World *w)
{
        const CertificateFacts *f = inventory_look(w->inventory, w->c, w->record, w->authority);

        g_assert_true(f->certificate == w->c);
        return f;
}

/* Past the time in which a file could change without a sign of it; the next look is then kept. */
static void let_times_settle(void)
{
        g_usleep(30000);
}

static char *path_of(World *w, ManagedFile f)
{
        return fixture_path(w->root, w->c->path[f]);
}

static void put(World *w, ManagedFile f, const void *content, gssize size)
{
        g_autofree char *path = path_of(w, f);

        g_assert_true(g_file_set_contents(path, content, size, NULL));
}

static void put_bytes(World *w, ManagedFile f, GBytes *content)
{
        put(w, f, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content));
}

/* All wanted files of the generation, with their modes. */
static void put_all(World *w, const Generation *g)
{
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++) {
                g_autoptr(GBytes) content = NULL;
                g_autofree char *path = NULL;

                if (!w->c->path[f])
                        continue;
                content = generation_file(g, f);
                put_bytes(w, f, content);
                path = path_of(w, f);
                g_assert_cmpint(g_chmod(path, manifest_certificate_attributes(w->c, f)->mode), ==, 0);
        }
}

static void want(World *w, ManagedFile f)
{
        w->c->path[f] = g_strdup_printf("/etc/tls/web.%s", managed_file_to_string(f));
}

/* As if the agent had installed it. */
static void install(World *w)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(w->g, "web", &error));
        g_assert_no_error(error);
        put_all(w, w->g);
        w->record = record_new("web");
        w->record->generation = w->g->number;
        w->record->fingerprint = g_strdup(w->g->fingerprint);
}

static void assert_sound(World *w)
{
        const CertificateFacts *f = look(w);

        g_assert_nonnull(f->leaf);
        g_assert_true(f->leaf->key_matches);
        g_assert_true(f->leaf->derived_match);
        for (ManagedFile i = 0; i < _MANAGED_FILE_MAX; i++)
                g_assert_cmpint(f->file[i].state, ==, w->c->path[i] ? FILE_STATE_PRESENT : FILE_STATE_ABSENT);
}

/* ---- What it says ---- */

static void test_missing(World *w, gconstpointer data)
{
        g_autofree char *folder = fixture_path(w->root, "/etc/tls");
        const CertificateFacts *f = look(w);

        g_assert_cmpint(f->file[MANAGED_FILE_CERT].state, ==, FILE_STATE_MISSING);
        g_assert_cmpint(f->file[MANAGED_FILE_KEY].state, ==, FILE_STATE_MISSING);
        g_assert_cmpint(f->file[MANAGED_FILE_CHAIN].state, ==, FILE_STATE_ABSENT);
        g_assert_null(f->leaf);
        g_assert_cmpint(g_rmdir(folder), ==, 0);
        g_usleep(150000);
        g_assert_cmpint(look(w)->file[MANAGED_FILE_CERT].state, ==, FILE_STATE_MISSING);
        fixture_make_folder(w->root, "/etc/tls", 0755);
        put_all(w, w->g);
        assert_sound(w);
}

static void test_leaf(World *w, gconstpointer data)
{
        static const char *const sans[] = { "a.example", "email:x@b.example", "ip:192.0.2.1", NULL };
        const CertificateFacts *f;

        fixture_certificate_set_sans(w->c, sans);
        w->c->usage = USAGE_SERVER | USAGE_CLIENT;
        w->c->key_type = KEY_TYPE_ED25519;
        generation_unref(w->g);
        w->g = fixture_generation_new(w->ca, w->c);
        put_all(w, w->g);
        for (unsigned pass = 0; pass < 3; pass++) { /* read, from memory, from the cache */
                f = look(w);
                g_assert_cmpstr(f->leaf->fingerprint, ==, w->g->fingerprint);
                g_assert_cmpstr(f->leaf->serial, ==, w->g->serial);
                g_assert_cmpstr(f->leaf->subject, ==, "CN=web.example");
                g_assert_cmpstr(f->leaf->issuer, ==, "CN=Test Authority");
                g_assert_cmpuint(f->leaf->usage, ==, USAGE_SERVER | USAGE_CLIENT);
                g_assert_cmpint(f->leaf->key_type, ==, KEY_TYPE_ED25519);
                g_assert_cmpuint(f->leaf->not_before, ==, w->g->not_before);
                g_assert_cmpuint(f->leaf->not_after, ==, w->g->not_after);
                g_assert_true(g_strv_equal((const char *const *) f->leaf->sans, (const char *const *) w->c->san_texts));
                g_assert_cmpuint(f->file[MANAGED_FILE_KEY].mode, ==, 0640);
                g_assert_cmpuint(f->file[MANAGED_FILE_KEY].uid, ==, geteuid());
                let_times_settle();
                (void) look(w);
                inventory_save(w->inventory, &w->manifest);
                if (pass == 1) {
                        w->inventory = inventory_free(w->inventory);
                        w->inventory = inventory_new();
                }
        }
}

static void test_key(World *w, gconstpointer data)
{
        g_autoptr(GBytes) other = fixture_key_new(KEY_TYPE_ECDSA_P256);
        const CertificateFacts *f;

        install(w);
        assert_sound(w);
        put_bytes(w, MANAGED_FILE_KEY, other);
        f = look(w);
        g_assert_cmpint(f->file[MANAGED_FILE_KEY].state, ==, FILE_STATE_PRESENT);
        g_assert_false(f->leaf->key_matches);
        put(w, MANAGED_FILE_KEY, "no key", -1);
        f = look(w);
        g_assert_cmpint(f->file[MANAGED_FILE_KEY].state, ==, FILE_STATE_UNREADABLE);
        g_assert_false(f->leaf->key_matches);
        let_times_settle();
        g_assert_cmpint(look(w)->file[MANAGED_FILE_KEY].state, ==, FILE_STATE_UNREADABLE);
        put_bytes(w, MANAGED_FILE_KEY, w->g->key_pem);
        g_assert_cmpint(look(w)->file[MANAGED_FILE_KEY].state, ==, FILE_STATE_PRESENT);
        g_assert_true(look(w)->leaf->key_matches);
}

static void test_token_key(World *w, gconstpointer data)
{
        install(w);
        g_clear_pointer(&w->c->path[MANAGED_FILE_KEY], g_free);
        w->c->key_uri = g_strdup("pkcs11:token=none;object=web");
        g_assert_true(look(w)->leaf->key_matches); /* recorded: the token is not asked */
        g_clear_pointer(&w->record, record_free);
        g_assert_false(look(w)->leaf->key_matches); /* there is no such token */
}

/* ---- A real token ---- */

static void run(const char *const *argv)
{
        g_autoptr(GError) error = NULL;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL,
                                   G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                                   NULL, NULL, NULL, &status, &error));
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
}

/* Before anything else speaks PKCS#11: the module reads its configuration once. NULL without SoftHSM2. */
static char *token_new(void)
{
        g_autofree char *program = g_find_program_in_path("softhsm2-util"), *conf = NULL, *text = NULL;
        char *folder;

        if (!program)
                return NULL;
        folder = g_dir_make_tmp("token-XXXXXX", NULL);
        conf = g_build_filename(folder, "softhsm2.conf", NULL);
        text = g_strdup_printf("directories.tokendir = %s\nlog.level = ERROR\n", folder);
        g_assert_true(g_file_set_contents(conf, text, -1, NULL));
        g_setenv("SOFTHSM2_CONF", conf, TRUE);
        run((const char *const[]) { program, "--init-token", "--free", "--label", "unit", "--so-pin", "5678", "--pin", "1234",
                                    NULL });
        return folder;
}

static void token_import(World *w, const char *folder)
{
        g_autofree char *file = g_build_filename(folder, "key.pem", NULL);

        g_assert_true(g_file_set_contents(file, g_bytes_get_data(w->g->key_pem, NULL),
                                          (gssize) g_bytes_get_size(w->g->key_pem), NULL));
        run((const char *const[]) { "softhsm2-util", "--import", file, "--token", "unit", "--label", "web", "--id", "01",
                                    "--pin", "1234", NULL });
}

static void test_key_in_a_token(World *w, gconstpointer folder)
{
        g_autoptr(Generation) other = fixture_generation_new(w->ca, w->c);

        if (!folder) {
                g_test_skip("softhsm2-util is not installed");
                return;
        }
        token_import(w, folder);
        put_all(w, w->g);
        g_clear_pointer(&w->c->path[MANAGED_FILE_KEY], g_free);
        w->c->key_uri = g_strdup("pkcs11:token=unit;object=web?pin-value=1234");
        g_assert_true(look(w)->leaf->key_matches); /* nothing is recorded: the token is asked */
        put_bytes(w, MANAGED_FILE_CERT, other->cert_pem);
        g_assert_false(look(w)->leaf->key_matches);
        put_bytes(w, MANAGED_FILE_CERT, w->g->cert_pem);
        w->record = record_new("web");
        w->record->blocked = true;
        g_assert_false(look(w)->leaf->key_matches); /* blocked: it is not asked, since it may be locking itself */
}

static void test_combined_only(World *w, gconstpointer data)
{
        want(w, MANAGED_FILE_COMBINED);
        g_clear_pointer(&w->c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&w->c->path[MANAGED_FILE_KEY], g_free);
        put_all(w, w->g);
        assert_sound(w);
        put_bytes(w, MANAGED_FILE_COMBINED, w->g->key_pem);
        g_assert_null(look(w)->leaf);
        g_assert_cmpint(look(w)->file[MANAGED_FILE_COMBINED].state, ==, FILE_STATE_UNREADABLE);
}

/* ---- Derived files ---- */

static void want_all(World *w)
{
        want(w, MANAGED_FILE_CHAIN);
        want(w, MANAGED_FILE_CA);
        want(w, MANAGED_FILE_COMBINED);
}

static void test_derived_installed(World *w, gconstpointer data)
{
        static const ManagedFile files[] = { MANAGED_FILE_CHAIN, MANAGED_FILE_CA, MANAGED_FILE_COMBINED };

        want_all(w);
        install(w);
        assert_sound(w);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = path_of(w, files[i]);
                FILE *f = fopen(path, "ae");

                g_assert_cmpint(fputs("# edited\n", f), >=, 0);
                fclose(f);
                g_assert_false(look(w)->leaf->derived_match);
                g_assert_true(look(w)->leaf->key_matches);
                put_all(w, w->g);
                assert_sound(w);
                g_assert_cmpint(g_unlink(path), ==, 0);
                g_assert_cmpint(look(w)->file[files[i]].state, ==, FILE_STATE_MISSING);
                put_all(w, w->g);
                assert_sound(w);
        }
}

static void test_derived_adopted(World *w, gconstpointer data)
{
        g_autoptr(Generation) other = fixture_generation_new(w->ca, w->c);
        g_autoptr(GBytes) combined = generation_file(other, MANAGED_FILE_COMBINED);

        want_all(w);
        put_all(w, w->g);
        assert_sound(w);
        put(w, MANAGED_FILE_CA, "no roots", -1);
        g_assert_false(look(w)->leaf->derived_match);
        put_all(w, w->g);
        put_bytes(w, MANAGED_FILE_CHAIN, other->cert_pem);
        g_assert_false(look(w)->leaf->derived_match);
        put_all(w, w->g);
        put_bytes(w, MANAGED_FILE_COMBINED, combined);
        g_assert_false(look(w)->leaf->derived_match);
        put_bytes(w, MANAGED_FILE_COMBINED, w->g->cert_pem); /* without the key */
        g_assert_false(look(w)->leaf->derived_match);
}

/* The chain behind the leaf is not part of the leaf's fingerprint. */
static void test_chain_in_certificate_file(World *w, gconstpointer data)
{
        g_autoptr(GString) both = g_string_new(NULL);

        install(w);
        assert_sound(w);
        g_string_append_len(both, g_bytes_get_data(w->g->cert_pem, NULL), (gssize) g_bytes_get_size(w->g->cert_pem));
        g_string_append_len(both, g_bytes_get_data(w->g->ca_pem, NULL), (gssize) g_bytes_get_size(w->g->ca_pem));
        put(w, MANAGED_FILE_CERT, both->str, (gssize) both->len);
        g_assert_cmpstr(look(w)->leaf->fingerprint, ==, w->g->fingerprint);
        g_assert_false(look(w)->leaf->derived_match);
}

static void put_in_directory(World *w, const char *name, GBytes *content)
{
        g_autofree char *inside = g_strconcat("/var/gen/", name, NULL), *path = fixture_path(w->root, inside);

        g_assert_true(g_file_set_contents(path, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content), NULL));
}

static void test_directory(World *w, gconstpointer data)
{
        static const struct {
                const char *name;
                ManagedFile f;
        } files[] = {
                { "fullchain.pem", MANAGED_FILE_CERT }, { "key.pem", MANAGED_FILE_KEY }, { "chain.pem", MANAGED_FILE_CHAIN },
                { "ca.pem", MANAGED_FILE_CA },          { "combined.pem", MANAGED_FILE_COMBINED },
        };
        g_autofree char *link = fixture_path(w->root, "/etc/tls/web");
        const CertificateFacts *f;

        install(w);
        g_clear_pointer(&w->c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&w->c->path[MANAGED_FILE_KEY], g_free);
        w->c->directory = g_strdup("/etc/tls/web");
        g_assert_cmpint(look(w)->file[MANAGED_FILE_KEY].state, ==, FILE_STATE_MISSING);
        fixture_make_folder(w->root, "/var/gen", 0755);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autoptr(GBytes) content = generation_file(w->g, files[i].f);

                put_in_directory(w, files[i].name, content);
        }
        put_in_directory(w, "cert.pem", w->g->cert_pem);
        g_assert_cmpint(symlink("../../var/gen", link), ==, 0);
        f = look(w);
        for (ManagedFile i = 0; i < _MANAGED_FILE_MAX; i++)
                g_assert_cmpint(f->file[i].state, ==, FILE_STATE_PRESENT);
        g_assert_true(f->leaf->key_matches && f->leaf->derived_match);
        put_in_directory(w, "cert.pem", w->g->ca_pem);
        g_assert_false(look(w)->leaf->derived_match);
        put_in_directory(w, "cert.pem", w->g->cert_pem);
        g_assert_true(look(w)->leaf->derived_match);
        {
                g_autofree char *alone = fixture_path(w->root, "/var/gen/cert.pem");

                g_assert_cmpint(g_unlink(alone), ==, 0);
                g_assert_false(look(w)->leaf->derived_match);
        }
}

/* ---- Changes ---- */

/* One byte of the certificate file, of the same size, within one tick of the clock that stamps files. */
static void test_change_within_a_tick(World *w, gconstpointer data)
{
        g_autofree char *path = NULL;

        install(w);
        path = path_of(w, MANAGED_FILE_CERT);
        for (unsigned i = 0; i < 200; i++) {
                int fd = open(path, O_WRONLY | O_CLOEXEC);
                bool broken = i % 2;

                g_assert_cmpint(fd, >=, 0);
                g_assert_cmpint(pwrite(fd, broken ? "X" : "-", 1, 0), ==, 1);
                close(fd);
                g_assert_cmpint(look(w)->leaf == NULL, ==, broken);
        }
}

static void test_attributes(World *w, gconstpointer data)
{
        g_autofree char *path = NULL;
        uint64_t ctime_before;

        install(w);
        path = path_of(w, MANAGED_FILE_KEY);
        ctime_before = look(w)->file[MANAGED_FILE_KEY].ctime_ns;
        let_times_settle();
        g_assert_cmpint(g_chmod(path, 04755), ==, 0);
        g_assert_cmpuint(look(w)->file[MANAGED_FILE_KEY].mode, ==, 04755);
        g_assert_cmpuint(look(w)->file[MANAGED_FILE_KEY].ctime_ns, >, ctime_before);
        g_assert_true(look(w)->leaf->key_matches);
}

static void test_served(World *w, gconstpointer data)
{
        install(w);
        inventory_set_served(w->inventory, "nobody", "x");
        g_assert_null(look(w)->served);
        let_times_settle();
        (void) look(w);
        inventory_set_served(w->inventory, "web", "abc");
        g_assert_cmpstr(look(w)->served, ==, "abc");
        put_all(w, w->g); /* other files */
        g_assert_null(look(w)->served);
}

/* ---- Hostile files ---- */

static void assert_unreadable(World *w, ManagedFile f)
{
        g_assert_cmpint(look(w)->file[f].state, ==, FILE_STATE_UNREADABLE);
        g_assert_cmpint(look(w)->leaf == NULL, ==, f == MANAGED_FILE_CERT);
}

static void test_hostile(World *w, gconstpointer data)
{
        static const ManagedFile files[] = { MANAGED_FILE_CERT, MANAGED_FILE_KEY };

        install(w);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = path_of(w, files[i]), *moved = g_strconcat(path, ".moved", NULL);

                g_assert_cmpint(rename(path, moved), ==, 0);
                g_assert_cmpint(symlink(moved, path), ==, 0);
                assert_unreadable(w, files[i]);
                g_assert_cmpint(g_unlink(path), ==, 0);
                g_assert_cmpint(mkfifo(path, 0600), ==, 0);
                assert_unreadable(w, files[i]);
                g_assert_cmpint(g_unlink(path), ==, 0);
                g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
                assert_unreadable(w, files[i]);
                g_assert_cmpint(g_rmdir(path), ==, 0);
                g_assert_cmpint(rename(moved, path), ==, 0);
                g_assert_cmpint(truncate(path, 2 << 20), ==, 0);
                assert_unreadable(w, files[i]);
                g_assert_cmpint(truncate(path, 0), ==, 0);
                assert_unreadable(w, files[i]);
                put_all(w, w->g);
                assert_sound(w);
        }
}

/* A parent that is a link of somebody else's: what is behind it is not looked at. */
static void test_foreign_link(World *w, gconstpointer data)
{
        g_autofree char *folder = fixture_path(w->root, "/etc/tls"), *moved = fixture_path(w->root, "/etc/real");

        if (geteuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        install(w);
        g_assert_cmpint(rename(folder, moved), ==, 0);
        g_assert_cmpint(symlink("real", folder), ==, 0);
        g_usleep(150000);
        assert_sound(w); /* root's own link */
        g_assert_cmpint(lchown(folder, 65534, 65534), ==, 0);
        g_usleep(150000);
        g_assert_cmpint(look(w)->file[MANAGED_FILE_CERT].state, ==, FILE_STATE_UNREADABLE);
        g_assert_null(look(w)->leaf);
}

/* ---- The cache ---- */

static void test_cached(World *w, gconstpointer data)
{
        int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        want_all(w);
        install(w);
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++) {
                g_autofree char *path = path_of(w, f);

                g_assert_cmpint(inotify_add_watch(watch, path, IN_OPEN), >=, 0);
        }
        let_times_settle();
        assert_sound(w);
        g_assert_cmpuint(fixture_count_opened(watch), >, 0);
        assert_sound(w);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        inventory_save(w->inventory, &w->manifest);
        w->inventory = inventory_free(w->inventory);
        w->inventory = inventory_new();
        assert_sound(w);
        assert_sound(w);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        put_bytes(w, MANAGED_FILE_CERT, w->g->cert_pem);
        assert_sound(w);
        g_assert_cmpuint(fixture_count_opened(watch), >, 0);
        close(watch);
}

static void test_cache_damaged(World *w, gconstpointer data)
{
        g_autofree char *cache = fixture_path(w->root, CERT_FACTS_FILE), *content = NULL;
        gsize size;

        install(w);
        let_times_settle();
        assert_sound(w);
        inventory_save(w->inventory, &w->manifest);
        g_assert_true(g_file_get_contents(cache, &content, &size, NULL));
        g_assert_null(memmem(content, size, "PRIVATE", 7));
        for (gsize n = 0; n < size; n += 13) {
                g_assert_true(g_file_set_contents(cache, content, (gssize) n, NULL));
                w->inventory = inventory_free(w->inventory);
                w->inventory = inventory_new();
                assert_sound(w);
        }
}

/* The cache is for these files, this generation and this key only. */
static void test_cache_of_other(World *w, gconstpointer data)
{
        g_autoptr(Generation) other = fixture_generation_new(w->ca, w->c);

        install(w);
        let_times_settle();
        assert_sound(w);
        inventory_save(w->inventory, &w->manifest);
        w->inventory = inventory_free(w->inventory);
        put_all(w, other);
        w->inventory = inventory_new();
        g_assert_cmpstr(look(w)->leaf->fingerprint, ==, other->fingerprint);
}

static void test_forgotten(World *w, gconstpointer data)
{
        g_autofree char *cache = fixture_path(w->root, CERT_FACTS_FILE);
        struct stat before, after;

        install(w);
        let_times_settle();
        (void) look(w);
        inventory_save(w->inventory, &w->manifest);
        g_assert_cmpint(stat(cache, &before), ==, 0);
        (void) look(w);
        inventory_save(w->inventory, &w->manifest); /* nothing changed: not written */
        g_assert_cmpint(stat(cache, &after), ==, 0);
        g_assert_cmpuint(before.st_ino, ==, after.st_ino);
        g_ptr_array_set_size(w->manifest.certificates, 0);
        g_hash_table_remove_all(w->manifest.by_name);
        inventory_save(w->inventory, &w->manifest);
        g_assert_cmpint(stat(cache, &after), ==, 0);
        g_assert_cmpint(after.st_size, <, before.st_size);
}

/* ---- Who signed it ---- */

/* The authority has these certificates (NULL ends), the last of which is the current one. */
static void set_authority(World *w, const FixtureAuthority *first, const FixtureAuthority *second)
{
        const AuthorityRole roles[] = { second ? AUTHORITY_ROLE_OLD : AUTHORITY_ROLE_CURRENT, AUTHORITY_ROLE_CURRENT };
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(ders, first->der);
        if (second)
                g_ptr_array_add(ders, second->der);
        authority_facts_unref(w->authority);
        w->authority = authority_facts_new(false, ders, roles, NULL, &error);
        g_assert_no_error(error);
}

static char *fingerprint_of(const FixtureAuthority *ca)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new();
        const AuthorityRole role = AUTHORITY_ROLE_CURRENT;
        g_autoptr(AuthorityFacts) f = NULL;

        g_ptr_array_add(ders, ca->der);
        f = authority_facts_new(false, ders, &role, NULL, NULL);
        return g_strdup(authority_facts_in_role(f, role)->fingerprint);
}

/* As the agent does it when it starts the next time. */
static void start_again(World *w)
{
        inventory_save(w->inventory, &w->manifest);
        w->inventory = inventory_free(w->inventory);
        w->inventory = inventory_new();
}

static int watch_certificate(World *w)
{
        g_autofree char *path = path_of(w, MANAGED_FILE_CERT);
        int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        g_assert_cmpint(inotify_add_watch(watch, path, IN_OPEN), >=, 0);
        return watch;
}

static void test_signer(World *w, gconstpointer data)
{
        g_autofree char *ours = fingerprint_of(w->ca);
        g_autoptr(FixtureAuthority) other = fixture_authority_new();
        g_autoptr(Generation) of_other = fixture_generation_new(other, w->c);
        int watch;

        set_authority(w, w->ca, NULL);
        install(w);
        watch = watch_certificate(w);
        let_times_settle();
        g_assert_cmpstr(look(w)->leaf->signed_by, ==, ours);
        (void) fixture_count_opened(watch);
        for (unsigned pass = 0; pass < 2; pass++) { /* from memory, from the cache */
                g_assert_cmpstr(look(w)->leaf->signed_by, ==, ours);
                set_authority(w, pass % 2 ? w->ca : other, NULL); /* it stays true whoever is the issuer by now */
                g_assert_cmpstr(look(w)->leaf->signed_by, ==, ours);
                start_again(w);
        }
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        put_all(w, of_other);
        set_authority(w, w->ca, other);
        g_assert_cmpstr(look(w)->leaf->signed_by, !=, ours);
        put_all(w, w->g);
        g_assert_cmpstr(look(w)->leaf->signed_by, ==, ours);
        close(watch);
}

static void test_signer_unknown(World *w, gconstpointer data)
{
        g_autofree char *ours = fingerprint_of(w->ca);
        g_autoptr(FixtureAuthority) other = fixture_authority_new(), third = fixture_authority_new();
        int watch;

        install(w);
        watch = watch_certificate(w);
        let_times_settle();
        g_assert_null(look(w)->leaf->signed_by);
        (void) fixture_count_opened(watch);
        g_assert_null(look(w)->leaf->signed_by); /* no local authority: nobody is looked for */
        g_assert_null(look(w)->leaf->not_signed_by);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        set_authority(w, other, NULL);
        g_assert_null(look(w)->leaf->signed_by);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 1);
        start_again(w);
        g_assert_null(look(w)->leaf->signed_by); /* those that were tried are remembered */
        g_assert_cmpstr(look(w)->leaf->not_signed_by, ==, w->authority->trust_digest);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        set_authority(w, other, third);
        g_assert_null(look(w)->leaf->signed_by);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 1);
        set_authority(w, third, w->ca);
        g_assert_cmpstr(look(w)->leaf->signed_by, ==, ours);
        g_assert_null(look(w)->leaf->not_signed_by);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 1);
        start_again(w);
        g_clear_pointer(&w->authority, authority_facts_unref);
        g_assert_cmpstr(look(w)->leaf->signed_by, ==, ours);
        g_assert_cmpuint(fixture_count_opened(watch), ==, 0);
        close(watch);
}

static void test_signer_of_nothing(World *w, gconstpointer data)
{
        set_authority(w, w->ca, NULL);
        g_assert_null(look(w)->leaf);
        put(w, MANAGED_FILE_CERT, "no certificate", -1);
        g_assert_null(look(w)->leaf);
        let_times_settle();
        g_assert_null(look(w)->leaf);
        g_assert_null(look(w)->leaf);
}

#define ADD(path, function) g_test_add("/inventory/" path, World, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_autofree char *token = NULL;
        int r;

        g_test_init(&argc, &argv, NULL);
        token = token_new();
        g_test_add("/inventory/a key in a real token", World, token, set_up, test_key_in_a_token, tear_down);
        ADD("missing files and a missing folder", test_missing);
        ADD("what a leaf says, read, kept and from the cache", test_leaf);
        ADD("another key, no key, the right one again", test_key);
        ADD("a token that is not there", test_token_key);
        ADD("certificate and key in a combined file alone", test_combined_only);
        ADD("derived files are what was installed", test_derived_installed);
        ADD("derived files of others say the same as the certificate", test_derived_adopted);
        ADD("a chain behind the leaf that was edited", test_chain_in_certificate_file);
        ADD("the directory layout", test_directory);
        ADD("a change within one tick is noticed", test_change_within_a_tick);
        ADD("owner and mode as they are now", test_attributes);
        ADD("what is served is forgotten when files change", test_served);
        ADD("links, FIFOs, folders, huge and empty files", test_hostile);
        ADD("a parent that is somebody else's link", test_foreign_link);
        ADD("nothing is read twice", test_cached);
        ADD("a damaged cache is as none", test_cache_damaged);
        ADD("a cache of other files is not believed", test_cache_of_other);
        ADD("what the manifest no longer names is forgotten", test_forgotten);
        ADD("who signed a leaf is found out once", test_signer);
        ADD("who signed a leaf is asked again only of others", test_signer_unknown);
        ADD("nobody signed what is no leaf", test_signer_of_nothing);
        r = g_test_run();
        if (token)
                run((const char *const[]) { "rm", "-r", token, NULL });
        return r;
}

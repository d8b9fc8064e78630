/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Intents: written and read again, damaged ones, and what the recovery makes of installs that were cut off.
 */

#include "agent/install.h"
#include "agent/intent-private.h"
#include "agent/stage.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Fixture {
        char *root;
        FixtureAuthority *authority;
        ManifestCertificate *c;
        Generation *old, *new; /* both saved, the old one installed */
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        InstallItem item;

        f->root = fixture_root_new();
        f->authority = fixture_authority_new();
        f->c = fixture_certificate_new("web");
        fixture_make_folder(f->root, "/etc/tls", 0755);
        fixture_make_folder(f->root, "/etc/keys", 0755);
        g_free(f->c->path[MANAGED_FILE_KEY]);
        f->c->path[MANAGED_FILE_KEY] = g_strdup("/etc/keys/web.key");
        f->old = fixture_generation_new(f->authority, f->c);
        f->new = fixture_generation_new(f->authority, f->c);
        g_assert_true(generation_save(f->old, "web", NULL));
        g_assert_true(generation_save(f->new, "web", NULL));
        item = (InstallItem){ .certificate = f->c, .generation = f->old };
        install_batch(&item, 1);
        g_assert_no_error(item.error);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        generation_unref(f->old);
        generation_unref(f->new);
        fixture_authority_free(f->authority);
        fixture_certificate_free(f->c);
        fixture_root_free(f->root);
}

/* ---- Installs that were cut off, made by hand ---- */

static void change_destroy(gpointer p)
{
        change_free(p);
}

static Change *stage(Fixture *f, ManagedFile file, const Generation *g)
{
        const char *path = f->c->path[file];
        g_autofree char *parent = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        g_autoptr(GBytes) content = generation_file(g, file);
        g_autoptr(GError) error = NULL;
        g_autoptr(Folder) folder = folder_open(parent, &error);
        Change *c = g_new0(Change, 1);

        g_assert_no_error(error);
        c->file = file;
        c->path = g_strdup(path);
        c->digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);
        c->attributes = *manifest_certificate_attributes(f->c, file);
        g_assert_true(
                stage_file(folder, name, path, content, &c->attributes, NULL, true, &c->staged, &error));
        g_assert_no_error(error);
        return c;
}

/* What an install of `g` looks like when it is cut off after so many renames. The changes are borrowed. */
static Intent *cut_off(Fixture *f, const Generation *g, unsigned renames)
{
        static const ManagedFile order[] = { MANAGED_FILE_CERT, MANAGED_FILE_KEY };
        g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(change_destroy);
        g_autoptr(GError) error = NULL;
        Intent *intent = intent_new();

        for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
                g_ptr_array_add(changes, stage(f, order[i], g));
        g_ptr_array_add(intent->items, intent_item_new(f->c, g->number, changes));
        g_assert_true(intent_write(intent, true, &error));
        g_assert_no_error(error);
        for (unsigned i = 0; i < renames; i++) {
                const Change *c = g_ptr_array_index(changes, i);
                g_autofree char *target = fixture_path(f->root, c->path);
                g_autofree char *parent = g_path_get_dirname(target);
                g_autofree char *staged = g_build_filename(parent, c->staged, NULL);

                g_assert_cmpint(g_rename(staged, target), ==, 0);
        }
        return intent;
}

static char *staged_path(Fixture *f, const Intent *intent, unsigned i)
{
        const IntentItem *item = g_ptr_array_index(intent->items, 0);
        const Change *c = g_ptr_array_index(item->changes, i);
        g_autofree char *parent = g_path_get_dirname(c->path);

        return g_strconcat(f->root, parent, "/", c->staged, NULL);
}

static GPtrArray *recover(Fixture *f)
{
        g_autoptr(GError) error = NULL;
        GPtrArray *names = NULL;

        g_assert_true(install_recover(&names, &error));
        g_assert_no_error(error);
        g_assert_false(install_is_cut_off());
        return names;
}

static void assert_names(GPtrArray *names, const char *name)
{
        g_assert_cmpuint(names->len, ==, 1);
        g_assert_cmpstr(g_ptr_array_index(names, 0), ==, name);
}

/* ---- The file ---- */

static void test_written_and_read_again(Fixture *f, gconstpointer data)
{
        g_autoptr(Intent) intent = cut_off(f, f->new, 0);
        g_autoptr(Intent) again = NULL;
        g_autoptr(GError) error = NULL;
        const IntentItem *a = g_ptr_array_index(intent->items, 0), *b;
        bool damaged = false;

        again = intent_read(intent->file, &damaged, &error);
        g_assert_no_error(error);
        g_assert_false(damaged);
        b = g_ptr_array_index(again->items, 0);
        g_assert_cmpstr(a->name, ==, b->name);
        g_assert_cmpuint(b->generation, ==, 2);
        g_assert_cmpuint(b->keep, ==, 3);
        g_assert_null(b->directory);
        for (ManagedFile m = 0; m < _MANAGED_FILE_MAX; m++)
                g_assert_cmpstr(a->path[m], ==, b->path[m]);
        g_assert_cmpmem(&a->key_attributes, sizeof a->key_attributes, &b->key_attributes,
                        sizeof b->key_attributes);
        g_assert_cmpuint(a->changes->len, ==, b->changes->len);
        for (unsigned i = 0; i < a->changes->len; i++) {
                const Change *x = g_ptr_array_index(a->changes, i), *y = g_ptr_array_index(b->changes, i);

                g_assert_cmpint(x->file, ==, y->file);
                g_assert_cmpstr(x->path, ==, y->path);
                g_assert_cmpstr(x->staged, ==, y->staged);
                g_assert_cmpstr(x->digest, ==, y->digest);
                g_assert_cmpmem(&x->attributes, sizeof x->attributes, &y->attributes, sizeof y->attributes);
        }
}

/* ---- Kinds ---- */

#define ATTRIBUTES "{\"uid\":0,\"gid\":0,\"mode\":420}"
#define CHANGE(file)                                                                                              \
        "{\"file\":\"" file "\",\"path\":\"/etc/tls/x.pem\",\"staged\":\".x.pem.0123456789abcdef.cert-agent\","    \
        "\"digest\":\"0000000000000000000000000000000000000000000000000000000000000000\",\"attributes\":" ATTRIBUTES "}"
#define ITEM(members, changes)                                                                                    \
        "{\"version\":1,\"items\":[{\"name\":\"bundle:x\",\"generation\":1,\"keep\":3," members ",\"cert_attributes\":" \
        ATTRIBUTES ",\"key_attributes\":" ATTRIBUTES ",\"changes\":[" changes "]}]}"
#define BUNDLE_PATH "\"kind\":\"bundle\",\"ca\":\"/etc/tls/x.pem\""

static Intent *intent_of_text(const char *text)
{
        g_autoptr(GBytes) content = g_bytes_new(text, strlen(text));

        return intent_from_json(content);
}

static void assert_kind(const char *text, ManifestKind kind)
{
        g_autoptr(Intent) intent = intent_of_text(text), again = NULL;
        g_autofree char *written = NULL;
        size_t size;

        g_assert_nonnull(intent);
        g_assert_cmpint(((IntentItem *) g_ptr_array_index(intent->items, 0))->kind, ==, kind);
        written = intent_to_json(intent, &size);
        again = intent_of_text(written);
        g_assert_nonnull(again);
        g_assert_cmpint(((IntentItem *) g_ptr_array_index(again->items, 0))->kind, ==, kind);
}

static void test_kinds(Fixture *f, gconstpointer data)
{
        assert_kind(ITEM(BUNDLE_PATH, CHANGE("ca")), MANIFEST_KIND_BUNDLE);
        assert_kind(ITEM("\"kind\":\"crl\",\"ca\":\"/etc/tls/x.pem\"", CHANGE("ca")), MANIFEST_KIND_CRL);
        assert_kind(ITEM("\"kind\":\"certificate\",\"ca\":\"/etc/tls/x.pem\"", CHANGE("ca")),
                    MANIFEST_KIND_CERTIFICATE);
        /* written before there were others */
        assert_kind(ITEM("\"ca\":\"/etc/tls/x.pem\"", CHANGE("ca")), MANIFEST_KIND_CERTIFICATE);
}

/* A bundle is one file: an intent that says more of it is none. */
static void test_wrong_kinds(Fixture *f, gconstpointer data)
{
        static const char *const wrong[] = {
                ITEM("\"kind\":\"file\",\"ca\":\"/etc/tls/x.pem\"", CHANGE("ca")),
                ITEM("\"kind\":1,\"ca\":\"/etc/tls/x.pem\"", CHANGE("ca")),
                ITEM("\"kind\":\"bundle\"", CHANGE("ca")),
                ITEM("\"kind\":\"bundle\",\"key\":\"/etc/tls/x.pem\"", CHANGE("key")),
                ITEM(BUNDLE_PATH ",\"key\":\"/etc/tls/x.key\"", CHANGE("ca")),
                ITEM(BUNDLE_PATH ",\"directory\":\"/etc/tls/x\"", CHANGE("ca")),
                ITEM(BUNDLE_PATH, CHANGE("cert")),
                ITEM(BUNDLE_PATH, CHANGE("ca") "," CHANGE("ca")),
        };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(Intent) intent = intent_of_text(wrong[i]);

                if (intent)
                        g_error("%s is taken for an intent", wrong[i]);
        }
}

/* ---- In its folder ---- */

static void test_there_or_not(Fixture *f, gconstpointer data)
{
        g_autoptr(Intent) intent = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(install_is_cut_off());
        intent = cut_off(f, f->new, 0);
        g_assert_true(install_is_cut_off());
        g_assert_true(intent_remove(intent, &error));
        g_assert_true(intent_remove(intent, &error));
        g_assert_no_error(error);
        g_assert_false(install_is_cut_off());
}

/* Every prefix, and every byte changed, is damaged or still harmless: nothing but staged names is renamed. */
static void test_damaged_ones(Fixture *f, gconstpointer data)
{
        static const char *const bad[] = {
                "",
                "{}",
                "[]",
                "{\"version\":1}",
                "{\"version\":2,\"items\":[]}",
                "{\"version\":1,\"items\":[[]]}",
                "{\"version\":1,\"items\":[{\"name\":\"../x\"}]}",
                "\xff\xfe",
                "null",
                "{\"version\":1,\"items\":[{\"name\":\"web\",\"generation\":1,\"keep\":3,\"cert_attributes\":"
                "{\"uid\":0,\"gid\":0,"
                "\"mode\":420},\"key_attributes\":{\"uid\":0,\"gid\":0,\"mode\":416},\"changes\":[{\"file\":"
                "\"cert\",\"path\":"
                "\"/etc/passwd\",\"staged\":\"shadow\",\"digest\":"
                "\"0000000000000000000000000000000000000000000000000000000000000000\",\"attributes\":{"
                "\"uid\":0,\"gid\":0,"
                "\"mode\":420}}]}]}",
        };
        g_autofree char *folder = fixture_path(f->root, CERT_INTENT_DIR);
        g_autofree char *aside = fixture_path(f->root, CERT_STATE_DIR "/bad.json.damaged");

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *file = g_strconcat(folder, "/bad.json", NULL);
                g_autoptr(GPtrArray) names = NULL;

                g_assert_true(g_file_set_contents(file, bad[i], -1, NULL));
                names = recover(f);
                g_assert_cmpuint(names->len, ==, 0);
                g_assert_cmpint(g_access(aside, F_OK), ==, 0);
                g_assert_cmpint(g_unlink(aside), ==, 0);
                fixture_assert_installed(f->root, f->c, f->old);
        }
}

static void test_half_of_one_is_swept(Fixture *f, gconstpointer data)
{
        g_autofree char *half = fixture_path(f->root, CERT_INTENT_DIR "/0123456789abcdef.json.new");
        g_autoptr(GPtrArray) names = NULL;

        g_assert_true(g_file_set_contents(half, "{\"vers", -1, NULL));
        g_assert_false(install_is_cut_off());
        names = recover(f);
        g_assert_cmpuint(names->len, ==, 0);
        g_assert_cmpint(g_access(half, F_OK), ==, -1);

        g_assert_true(g_file_set_contents(half, "{\"vers", -1, NULL));
        g_assert_true(install_repair(f->c, f->old, NULL)); /* by the next install, too */
        g_assert_cmpint(g_access(half, F_OK), ==, -1);
}

static void test_a_fifo_among_them_blocks_nothing(Fixture *f, gconstpointer data)
{
        g_autofree char *fifo = fixture_path(f->root, CERT_INTENT_DIR "/fifo.json");
        g_autoptr(GPtrArray) names = NULL;

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        names = recover(f);
        g_assert_cmpuint(names->len, ==, 0);
}

/* ---- Recovery ---- */

static void test_finished_from_wherever_it_was(Fixture *f, gconstpointer data)
{
        for (unsigned renames = 0; renames <= 2; renames++) {
                g_autoptr(GPtrArray) names = NULL, none = NULL;
                InstallItem item = { .certificate = f->c, .generation = f->old };

                intent_free(cut_off(f, f->new, renames));
                names = recover(f);
                assert_names(names, "web");
                fixture_assert_installed(f->root, f->c, f->new);
                g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
                g_assert_cmpuint(fixture_count_staged(f->root, "/etc/keys"), ==, 0);
                none = recover(f);
                g_assert_cmpuint(none->len, ==, 0);
                install_batch(&item, 1);
                g_assert_no_error(item.error);
        }
}

static void test_a_lost_key_is_taken_from_the_state(Fixture *f, gconstpointer data)
{
        g_autoptr(Intent) intent = cut_off(f, f->new, 1);
        g_autofree char *key = staged_path(f, intent, 1);
        g_autoptr(GPtrArray) names = NULL;

        g_assert_cmpint(g_unlink(key), ==, 0);
        names = recover(f);
        assert_names(names, "web");
        fixture_assert_installed(f->root, f->c, f->new);
}

static void test_a_changed_staged_file_is_not_taken(Fixture *f, gconstpointer data)
{
        g_autoptr(Intent) intent = cut_off(f, f->new, 1);
        g_autofree char *key = staged_path(f, intent, 1);
        g_autoptr(GPtrArray) names = NULL;

        g_assert_true(g_file_set_contents(key, "not the key", -1, NULL));
        names = recover(f);
        assert_names(names, "web");
        fixture_assert_installed(f->root, f->c, f->new);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/keys"), ==, 0);
}

static void test_all_lost_before_the_first_rename(Fixture *f, gconstpointer data)
{
        g_autoptr(Intent) intent = cut_off(f, f->new, 0);
        g_autofree char *cert = staged_path(f, intent, 0);
        g_autofree char *key = staged_path(f, intent, 1);
        g_autoptr(GPtrArray) names = NULL;

        g_assert_cmpint(g_unlink(cert), ==, 0);
        g_assert_cmpint(g_unlink(key), ==, 0);
        names = recover(f);
        fixture_assert_installed(f->root, f->c, f->old); /* a pair: it stays */
}

static void test_without_the_new_generation_the_old_one_is_back(Fixture *f, gconstpointer data)
{
        static const unsigned needed[] = { 1, 0 };
        g_autoptr(Intent) intent = cut_off(f, f->new, 1);
        g_autofree char *key = staged_path(f, intent, 1);
        g_autoptr(GPtrArray) names = NULL;

        g_assert_cmpint(g_unlink(key), ==, 0);
        generation_prune("web", 0, needed);
        names = recover(f);
        assert_names(names, "web");
        fixture_assert_installed(f->root, f->c, f->old);
}

static void test_a_folder_that_is_gone(Fixture *f, gconstpointer data)
{
        g_autofree char *keys = fixture_path(f->root, "/etc/keys");
        g_autofree char *away = fixture_path(f->root, "/etc/away");
        g_autoptr(GPtrArray) names = NULL;

        intent_free(cut_off(f, f->new, 1));
        g_assert_cmpint(g_rename(keys, away), ==, 0);
        names = recover(f);
        g_assert_cmpuint(names->len, ==, 0);
        /* The certificate went back: it will match when the folder is there again. */
        g_assert_cmpint(g_rename(away, keys), ==, 0);
        fixture_assert_installed(f->root, f->c, f->old);
}

static void test_one_that_cannot_be_finished_holds_up_no_other(Fixture *f, gconstpointer data)
{
        g_autoptr(ManifestCertificate) lost = fixture_certificate_new("lost");
        g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(change_destroy);
        g_autoptr(Intent) first = NULL;
        g_autoptr(GPtrArray) names = NULL;
        Change *c = g_new0(Change, 1);

        first = intent_new();
        *c = (Change){ .file = MANAGED_FILE_CERT,
                       .path = g_strdup("/gone/lost.pem"),
                       .staged = g_strdup(".lost.pem.0123456789abcdef.cert-agent"),
                       .digest = g_strnfill(64, '0'),
                       .attributes = f->c->cert_attributes };
        g_ptr_array_add(changes, c);
        g_ptr_array_add(first->items, intent_item_new(lost, 7, changes));
        g_assert_true(intent_write(first, true, NULL));
        intent_free(cut_off(f, f->new, 1));
        names = recover(f);
        assert_names(names, "web");
        fixture_assert_installed(f->root, f->c, f->new);
}

/* An intent that a power cut brought back, and its certificate has moved on meanwhile: it must not go
 * backwards. */
static void test_an_old_intent_that_came_back(Fixture *f, gconstpointer data)
{
        g_autoptr(Intent) intent = cut_off(f, f->old, 0);
        g_autofree char *cert = staged_path(f, intent, 0);
        g_autofree char *key = staged_path(f, intent, 1);
        InstallItem item = { .certificate = f->c, .generation = f->new };
        g_autoptr(GPtrArray) names = NULL;

        g_assert_cmpint(g_unlink(cert), ==, 0);
        g_assert_cmpint(g_unlink(key), ==, 0);
        install_batch(&item, 1);
        g_assert_no_error(item.error);
        names = recover(f);
        fixture_assert_installed(f->root, f->c, f->new);
}

#define ADD(path, test) g_test_add("/intent/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("written and read again", test_written_and_read_again);
        ADD("kinds", test_kinds);
        ADD("wrong kinds", test_wrong_kinds);
        ADD("there or not", test_there_or_not);
        ADD("damaged ones", test_damaged_ones);
        ADD("half of one is swept", test_half_of_one_is_swept);
        ADD("a FIFO among them blocks nothing", test_a_fifo_among_them_blocks_nothing);
        ADD("finished from wherever it was", test_finished_from_wherever_it_was);
        ADD("a lost key is taken from the state", test_a_lost_key_is_taken_from_the_state);
        ADD("a changed staged file is not taken", test_a_changed_staged_file_is_not_taken);
        ADD("all lost before the first rename", test_all_lost_before_the_first_rename);
        ADD("without the new generation the old one is back",
            test_without_the_new_generation_the_old_one_is_back);
        ADD("a folder that is gone", test_a_folder_that_is_gone);
        ADD("one that cannot be finished holds up no other",
            test_one_that_cannot_be_finished_holds_up_no_other);
        ADD("an old intent that came back", test_an_old_intent_that_came_back);
        return g_test_run();
}

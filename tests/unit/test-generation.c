/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Generations: what each managed file holds of one, keeping and finding them, reading the managed files as
 * they stand. */

#include "agent/generation.h"
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
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = fixture_root_new();
        f->authority = fixture_authority_new();
        f->c = fixture_certificate_new("web");
        fixture_make_folder(f->root, "/etc/tls", 0755);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        fixture_authority_free(f->authority);
        fixture_certificate_free(f->c);
        fixture_root_free(f->root);
}

static void assert_bytes(GBytes *a, GBytes *b)
{
        g_assert_cmpmem(g_bytes_get_data(a, NULL), g_bytes_get_size(a), g_bytes_get_data(b, NULL),
                        g_bytes_get_size(b));
}

static void write_live(Fixture *f, const char *path, GBytes *content)
{
        g_autofree char *file = fixture_path(f->root, path);

        g_assert_true(g_file_set_contents(file, g_bytes_get_data(content, NULL),
                                          (gssize) g_bytes_get_size(content), NULL));
}

/* ---- In memory ---- */

static void test_files_hold_their_parts(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(GBytes) cert = generation_file(g, MANAGED_FILE_CERT);
        g_autoptr(GBytes) combined = generation_file(g, MANAGED_FILE_COMBINED);
        g_autofree char *text = g_strndup(g_bytes_get_data(combined, NULL), g_bytes_get_size(combined));

        assert_bytes(cert, g->cert_pem);
        g_assert_cmpuint(g_bytes_get_size(g->chain_pem), ==, 0);
        g_assert_cmpuint(g_bytes_get_size(g->ca_pem), >, 0);
        g_assert_cmpuint(strlen(g->fingerprint), ==, 64);
        g_assert_cmpuint(strlen(g->serial), ==, 32);
        g_assert_cmpuint(g->not_after, >, g->not_before);
        g_assert_nonnull(strstr(text, "BEGIN CERTIFICATE"));
        g_assert_nonnull(strstr(strstr(text, "END CERTIFICATE"), "BEGIN PRIVATE KEY"));
}

static void test_what_is_no_certificate_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(chain, garbage);
        g_assert_null(generation_new(NULL, chain, NULL, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

static void test_a_chain_without_end_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < 1000; i++)
                g_ptr_array_add(chain, f->authority->der);
        g_assert_null(generation_new(NULL, chain, NULL, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

/* ---- Kept ---- */

static void test_saved_and_loaded_again(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(Generation) loaded = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(g, "web", &error));
        g_assert_no_error(error);
        g_assert_cmpuint(g->number, ==, 1);
        loaded = generation_load("web", 1, &error);
        g_assert_no_error(error);
        assert_bytes(loaded->key_pem, g->key_pem);
        assert_bytes(loaded->cert_pem, g->cert_pem);
        assert_bytes(loaded->chain_pem, g->chain_pem);
        assert_bytes(loaded->ca_pem, g->ca_pem);
        g_assert_cmpstr(loaded->fingerprint, ==, g->fingerprint);
        g_assert_cmpuint(loaded->number, ==, 1);
}

static void test_only_the_agent_may_read_what_is_kept(Fixture *f, gconstpointer data)
{
        static const char *const paths[] = { "", "/web", "/web/1", "/web/1/key.pem", "/web/1/cert.pem" };
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);

        g_assert_true(generation_save(g, "web", NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                g_autofree char *path = g_strconcat(f->root, CERT_GENERATION_DIR, paths[i], NULL);
                struct stat st;

                g_assert_cmpint(stat(path, &st), ==, 0);
                g_assert_cmpuint(st.st_mode & 077, ==, 0);
        }
}

static void test_numbers_only_grow(Fixture *f, gconstpointer data)
{
        g_autoptr(GArray) numbers = NULL;

        for (unsigned i = 1; i <= 5; i++) {
                g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);

                g_assert_true(generation_save(g, "web", NULL));
                g_assert_cmpuint(g->number, ==, i);
                g_assert_true(generation_save(g, "web", NULL)); /* it is there already */
                g_assert_cmpuint(g->number, ==, i);
                generation_prune("web", 1, NULL);
        }
        numbers = generation_list("web");
        g_assert_cmpuint(numbers->len, ==, 1);
        g_assert_cmpuint(g_array_index(numbers, guint, 0), ==, 5);
}

static void test_pruning_keeps_what_is_needed(Fixture *f, gconstpointer data)
{
        static const unsigned needed[] = { 2, 0 };
        static const unsigned left[] = { 2, 11, 12, 13 };
        g_autoptr(GArray) numbers = NULL;

        for (unsigned i = 1; i <= 13; i++) {
                g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);

                g_assert_true(generation_save(g, "web", NULL));
        }
        generation_prune("web", 3, needed);
        numbers = generation_list("web");
        g_assert_cmpmem(numbers->data, numbers->len * sizeof(guint), left, sizeof left);
        generation_forget("web");
        g_array_unref(numbers);
        numbers = generation_list("web");
        g_assert_cmpuint(numbers->len, ==, 0);
}

static void test_many_saved_together(Fixture *f, gconstpointer data)
{
        GenerationSave items[20] = {};
        char names[20][16];

        for (unsigned i = 0; i < G_N_ELEMENTS(items); i++) {
                (void) g_snprintf(names[i], sizeof names[i], i == 7 ? "../bad" : "c%u", i);
                items[i] = (GenerationSave){ fixture_generation_new(f->authority, f->c), names[i], NULL };
        }
        generation_save_many(items, G_N_ELEMENTS(items));
        for (unsigned i = 0; i < G_N_ELEMENTS(items); i++) {
                g_autoptr(Generation) loaded = NULL;

                if (i == 7) {
                        g_assert_error(items[i].error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
                        g_clear_error(&items[i].error);
                } else {
                        g_assert_no_error(items[i].error);
                        loaded = generation_load(names[i], 1, NULL);
                        g_assert_cmpstr(loaded->fingerprint, ==, items[i].generation->fingerprint);
                }
                generation_unref(items[i].generation);
        }
}

static void test_a_request_is_kept_with_its_key(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ED25519), der = NULL, again = NULL;
        g_autoptr(Generation) g = fixture_request_generation_new(key), loaded = NULL;

        g_assert_true(generation_save(g, "web", NULL));
        loaded = generation_load("web", 1, NULL);
        assert_bytes(loaded->key_pem, key);
        assert_bytes(loaded->request_pem, g->request_pem);
        der = generation_request(g);
        again = generation_request(loaded);
        assert_bytes(again, der);
        g_assert_null(loaded->cert_pem);
        g_assert_null(generation_file(loaded, MANAGED_FILE_CERT));
}

static void test_a_request_of_a_tokens_key_is_kept_alone(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ED25519);
        g_autoptr(Generation) with = fixture_request_generation_new(key), g = NULL, loaded = NULL;
        g_autoptr(GBytes) der = generation_request(with);
        g_autofree char *folder = g_strconcat(f->root, CERT_GENERATION_DIR, "/web/1", NULL);

        g = generation_new_request(NULL, der, NULL);
        g_assert_true(generation_save(g, "web", NULL));
        loaded = generation_load("web", 1, NULL);
        assert_bytes(loaded->request_pem, with->request_pem);
        g_assert_null(loaded->key_pem);
        generation_remove("web", 1);
        g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
        generation_remove("web", 1); /* as after a crash */
}

static void test_a_needed_request_outlives_newer_generations(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ED25519);
        g_autoptr(Generation) request = fixture_request_generation_new(key), loaded = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(request, "web", NULL));
        for (unsigned i = 0; i < 5; i++) {
                g_autoptr(Generation) newer = fixture_generation_new(f->authority, f->c);

                g_assert_true(generation_save(newer, "web", NULL));
        }
        generation_prune("web", 2, (const unsigned[]) { 1, 0 });
        loaded = generation_load("web", 1, &error);
        g_assert_no_error(error);
        assert_bytes(loaded->request_pem, request->request_pem);
        assert_bytes(loaded->key_pem, key);
}

static void test_half_a_generation_of_a_crash_is_none(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(GArray) numbers = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *half = g_strconcat(f->root, CERT_GENERATION_DIR, "/web/.new", NULL);
        g_autofree char *key = g_strconcat(half, "/key.pem", NULL);

        g_assert_cmpint(g_mkdir_with_parents(half, 0700), ==, 0);
        g_assert_true(g_file_set_contents(key, "half", -1, NULL));
        numbers = generation_list("web");
        g_assert_cmpuint(numbers->len, ==, 0);
        g_assert_true(generation_save(g, "web", &error));
        g_assert_no_error(error);
        g_assert_false(g_file_test(half, G_FILE_TEST_EXISTS));
}

static void test_a_damaged_generation_is_not_loaded(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(Generation) other = fixture_generation_new(f->authority, f->c);
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(g, "web", NULL));
        write_live(f, CERT_GENERATION_DIR "/web/1/key.pem", other->key_pem);
        g_assert_null(generation_load("web", 1, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_clear_error(&error);
        g_assert_null(generation_load("web", 2, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
}

/* ---- From the managed files ---- */

static void test_read_from_the_managed_files(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(Generation) live = NULL;
        g_autoptr(GError) error = NULL;

        write_live(f, "/etc/tls/web.pem", g->cert_pem);
        write_live(f, "/etc/tls/web.key", g->key_pem);
        live = generation_from_files(f->c, &error);
        g_assert_no_error(error);
        assert_bytes(live->key_pem, g->key_pem);
        g_assert_cmpstr(live->fingerprint, ==, g->fingerprint);
}

static void test_read_from_a_combined_file(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(GBytes) combined = generation_file(g, MANAGED_FILE_COMBINED);
        g_autoptr(Generation) live = NULL;
        g_autoptr(GError) error = NULL;

        g_clear_pointer(&f->c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&f->c->path[MANAGED_FILE_KEY], g_free);
        f->c->path[MANAGED_FILE_COMBINED] = g_strdup("/etc/tls/web.pem");
        write_live(f, "/etc/tls/web.pem", combined);
        live = generation_from_files(f->c, &error);
        g_assert_no_error(error);
        assert_bytes(live->key_pem, g->key_pem);
        assert_bytes(live->cert_pem, g->cert_pem);
}

static void test_managed_files_that_are_no_pair(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(Generation) other = fixture_generation_new(f->authority, f->c);
        g_autofree char *key = fixture_path(f->root, "/etc/tls/web.key");
        g_autoptr(GError) error = NULL;

        write_live(f, "/etc/tls/web.pem", g->cert_pem);
        g_assert_null(generation_from_files(f->c, &error)); /* no key yet */
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_clear_error(&error);
        write_live(f, "/etc/tls/web.key", other->key_pem);
        g_assert_null(generation_from_files(f->c, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_clear_error(&error);
        g_assert_cmpint(g_unlink(key), ==, 0);
        g_assert_cmpint(mkfifo(key, 0644), ==, 0);
        g_assert_null(generation_from_files(f->c, &error)); /* and does not wait for a writer */
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

/* ---- Bundles and revocation lists ---- */

static GBytes *text_of(const char *first, GBytes *a, const char *between, GBytes *b)
{
        GString *s = g_string_new(first);

        g_string_append_len(s, g_bytes_get_data(a, NULL), (gssize) g_bytes_get_size(a));
        g_string_append(s, between);
        if (b)
                g_string_append_len(s, g_bytes_get_data(b, NULL), (gssize) g_bytes_get_size(b));
        return g_string_free_to_bytes(s);
}

static void assert_no_content(GBytes *text, const char *words)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(generation_new_content(text, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        if (!strstr(error->message, words))
                g_error("\"%s\" does not say \"%s\"", error->message, words);
}

static void test_a_bundle_is_its_text(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_bundle_generation_new(3);
        g_autoptr(GBytes) file = generation_file(g, MANAGED_FILE_CA);
        g_autofree char *digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, file);

        g_assert_true(generation_is_content(g));
        g_assert_cmpstr(g->fingerprint, ==, digest);
        g_assert_cmpuint(g->not_before, ==, 0);
        g_assert_cmpuint(g->not_after, ==, UINT64_MAX);
        g_assert_null(g->serial);
        g_assert_null(generation_file(g, MANAGED_FILE_CERT));
        g_assert_null(generation_file(g, MANAGED_FILE_KEY));
        g_assert_null(generation_file(g, MANAGED_FILE_COMBINED));
}

static void test_a_list_ends_with_its_earliest_update(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) old = fixture_authority_new();
        g_autoptr(GBytes) late = fixture_authority_crl(f->authority, 2000000000);
        g_autoptr(GBytes) early = fixture_authority_crl(old, 1900000000);
        g_autoptr(GBytes) both = text_of("", late, "", early);
        g_autoptr(GError) error = NULL;
        g_autoptr(Generation) g = generation_new_content(both, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(g->not_after, ==, UINT64_C(1900000000) * G_USEC_PER_SEC);
        g_assert_true(generation_is_content(g));
}

static void test_what_is_neither_bundle_nor_list(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) pair = fixture_generation_new(f->authority, f->c);
        g_autoptr(Generation) bundle = fixture_bundle_generation_new(1);
        g_autoptr(GBytes) crl = fixture_authority_crl(f->authority, 2000000000);
        g_autoptr(GBytes) empty = g_bytes_new_static("", 0), blank = g_bytes_new_static(" \n\n", 3);
        g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
        g_autoptr(GBytes) mixed = text_of("", bundle->ca_pem, "", crl);
        g_autoptr(GBytes) with_key = text_of("", bundle->ca_pem, "", pair->key_pem);
        g_autoptr(GBytes) explained = text_of("# mine\n", bundle->ca_pem, "", NULL);
        g_autoptr(GBytes) followed = text_of("", bundle->ca_pem, "x", NULL);
        g_autoptr(GBytes) cut = g_bytes_new_from_bytes(bundle->ca_pem, 0, g_bytes_get_size(bundle->ca_pem) - 8);
        g_autoptr(GBytes) headed = text_of("-----BEGIN CERTIFICATE-----\n", bundle->ca_pem, "", NULL);

        assert_no_content(empty, "neither a certificate nor");
        assert_no_content(blank, "neither a certificate nor");
        assert_no_content(garbage, "beside its blocks");
        assert_no_content(mixed, "together");
        assert_no_content(with_key, "something else");
        assert_no_content(explained, "beside its blocks");
        assert_no_content(followed, "beside its blocks");
        assert_no_content(cut, "cut off");
        assert_no_content(headed, "broken");
}

static void test_too_large_a_list(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) bundle = fixture_bundle_generation_new(1);
        g_autofree char *blanks = g_strnfill(GENERATION_CONTENT_MAX, '\n');
        g_autoptr(GBytes) large = text_of(blanks, bundle->ca_pem, "", NULL);

        assert_no_content(large, "8 MiB");
}

static void test_a_bundle_is_kept(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_bundle_generation_new(2), loaded = NULL;
        g_autofree char *folder = fixture_path(f->root, CERT_GENERATION_DIR "/bundle:site-ca/1");
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) dir = NULL;

        g_assert_true(generation_save(g, "bundle:site-ca", &error));
        g_assert_no_error(error);
        dir = g_dir_open(folder, 0, NULL);
        g_assert_cmpstr(g_dir_read_name(dir), ==, "ca.pem");
        g_assert_null(g_dir_read_name(dir));
        loaded = generation_load("bundle:site-ca", 1, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(loaded->number, ==, 1);
        g_assert_cmpstr(loaded->fingerprint, ==, g->fingerprint);
        g_assert_cmpuint(loaded->not_after, ==, g->not_after);
        assert_bytes(loaded->ca_pem, g->ca_pem);
}

static void test_a_kept_bundle_that_was_changed(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_bundle_generation_new(2);
        g_autoptr(GBytes) cut = g_bytes_new_from_bytes(g->ca_pem, 0, g_bytes_get_size(g->ca_pem) / 2 + 9);
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(g, "crl:site", NULL));
        write_live(f, CERT_GENERATION_DIR "/crl:site/1/ca.pem", cut);
        g_assert_null(generation_load("crl:site", 1, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(error->message, "crl:site/1/ca.pem"));
}

static void test_bundles_are_pruned_and_forgotten(Fixture *f, gconstpointer data)
{
        const unsigned needed[] = { 1, 0 };
        g_autoptr(GArray) kept = NULL, gone = NULL;

        for (unsigned i = 0; i < 5; i++) {
                g_autoptr(Generation) g = fixture_bundle_generation_new(1);

                g_assert_true(generation_save(g, "bundle:b", NULL));
        }
        generation_prune("bundle:b", 2, needed);
        kept = generation_list("bundle:b");
        g_assert_cmpuint(kept->len, ==, 3);
        g_assert_cmpuint(g_array_index(kept, guint, 0), ==, 1);
        g_assert_cmpuint(g_array_index(kept, guint, 1), ==, 4);
        generation_forget("bundle:b");
        gone = generation_list("bundle:b");
        g_assert_cmpuint(gone->len, ==, 0);
}

/* Somebody's own file, with words between the blocks, can be gone back to as it was. */
static void test_a_bundle_of_somebody_else(Fixture *f, gconstpointer data)
{
        g_autoptr(ManifestCertificate) c = fixture_bundle_new("site-ca");
        g_autoptr(Generation) one = fixture_bundle_generation_new(1), two = fixture_bundle_generation_new(200);
        g_autoptr(GBytes) text = text_of("# Example CA\n", one->ca_pem, "\n# Others, 2024\n", two->ca_pem);
        g_autoptr(Generation) found = NULL, kept = NULL;
        g_autoptr(GError) error = NULL;

        write_live(f, "/etc/tls/site-ca.pem", text);
        found = generation_from_files(c, &error);
        g_assert_no_error(error);
        assert_bytes(found->ca_pem, text);
        g_assert_true(generation_save(found, c->name, NULL));
        kept = generation_load(c->name, found->number, &error);
        g_assert_no_error(error);
        assert_bytes(kept->ca_pem, text);
}

static void test_no_bundle_in_its_place(Fixture *f, gconstpointer data)
{
        g_autoptr(ManifestCertificate) c = fixture_bundle_new("site-ca");
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        g_autoptr(GError) missing = NULL, secret = NULL;

        g_assert_null(generation_from_files(c, &missing));
        g_assert_error(missing, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        write_live(f, "/etc/tls/site-ca.pem", key);
        g_assert_null(generation_from_files(c, &secret));
        g_assert_error(secret, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(secret->message, "/etc/tls/site-ca.pem"));
}

/* ---- Other roots ---- */

static void test_the_same_pair_with_other_roots(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);
        g_autoptr(Generation) roots = fixture_bundle_generation_new(2), other = NULL, same = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(generation_save(g, "web", NULL));
        same = generation_with_roots(g, g->ca_pem, &error);
        g_assert_no_error(error);
        g_assert_true(same == g); /* not to be saved again */
        other = generation_with_roots(g, roots->ca_pem, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(other->number, ==, 0); /* it is to be saved as one of its own */
        g_assert_cmpstr(other->fingerprint, ==, g->fingerprint);
        g_assert_cmpstr(other->serial, ==, g->serial);
        g_assert_cmpuint(other->not_after, ==, g->not_after);
        assert_bytes(other->key_pem, g->key_pem);
        assert_bytes(other->cert_pem, g->cert_pem);
        assert_bytes(other->ca_pem, roots->ca_pem);
}

static void test_other_roots_must_be_certificates(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c), bundle = fixture_bundle_generation_new(1);
        g_autoptr(GBytes) crl = fixture_authority_crl(f->authority, 2000000000), empty = g_bytes_new_static("", 0);
        GBytes *wrong[] = { crl, empty, g->key_pem };

        for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(generation_with_roots(g, wrong[i], &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        }
        g_assert_null(generation_with_roots(bundle, bundle->ca_pem, NULL));
}

/* Its CA file may be a system's whole trust store. */
static void test_a_pair_beside_many_roots(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c), many = fixture_bundle_generation_new(200);
        g_autoptr(Generation) found = NULL;
        g_autoptr(GError) error = NULL;

        f->c->path[MANAGED_FILE_CA] = g_strdup("/etc/tls/web.ca");
        write_live(f, "/etc/tls/web.pem", g->cert_pem);
        write_live(f, "/etc/tls/web.key", g->key_pem);
        write_live(f, "/etc/tls/web.ca", many->ca_pem);
        found = generation_from_files(f->c, &error);
        g_assert_no_error(error);
        assert_bytes(found->ca_pem, many->ca_pem);
}

#define ADD(path, test) g_test_add("/generation/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("files hold their parts", test_files_hold_their_parts);
        ADD("what is no certificate is refused", test_what_is_no_certificate_is_refused);
        ADD("a chain without end is refused", test_a_chain_without_end_is_refused);
        ADD("saved and loaded again", test_saved_and_loaded_again);
        ADD("only the agent may read what is kept", test_only_the_agent_may_read_what_is_kept);
        ADD("numbers only grow", test_numbers_only_grow);
        ADD("pruning keeps what is needed", test_pruning_keeps_what_is_needed);
        ADD("many saved together", test_many_saved_together);
        ADD("a request is kept with its key", test_a_request_is_kept_with_its_key);
        ADD("a request of a token's key is kept alone", test_a_request_of_a_tokens_key_is_kept_alone);
        ADD("a needed request outlives newer generations", test_a_needed_request_outlives_newer_generations);
        ADD("half a generation of a crash is none", test_half_a_generation_of_a_crash_is_none);
        ADD("a damaged generation is not loaded", test_a_damaged_generation_is_not_loaded);
        ADD("read from the managed files", test_read_from_the_managed_files);
        ADD("read from a combined file", test_read_from_a_combined_file);
        ADD("managed files that are no pair", test_managed_files_that_are_no_pair);
        ADD("a bundle is its text", test_a_bundle_is_its_text);
        ADD("a list ends with its earliest update", test_a_list_ends_with_its_earliest_update);
        ADD("what is neither bundle nor list", test_what_is_neither_bundle_nor_list);
        ADD("too large a list", test_too_large_a_list);
        ADD("a bundle is kept", test_a_bundle_is_kept);
        ADD("a kept bundle that was changed", test_a_kept_bundle_that_was_changed);
        ADD("bundles are pruned and forgotten", test_bundles_are_pruned_and_forgotten);
        ADD("a bundle of somebody else", test_a_bundle_of_somebody_else);
        ADD("no bundle in its place", test_no_bundle_in_its_place);
        ADD("the same pair with other roots", test_the_same_pair_with_other_roots);
        ADD("other roots must be certificates", test_other_roots_must_be_certificates);
        ADD("a pair beside many roots", test_a_pair_beside_many_roots);
        return g_test_run();
}

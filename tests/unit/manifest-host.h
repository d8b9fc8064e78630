/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host for the manifest's tests: a root folder of its own for each test, files in it, and a load that is
 * looked at as an administrator would see it. */

#include "agent/manifest-read.h"
#include "agent/manifest.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOB 54321 /* a user who is neither root nor we */

typedef struct Host {
        char *root;
        Manifest *manifest;
        GPtrArray *problems;
        GError *error;
} Host;

G_GNUC_UNUSED static char *at_root(const Host *h, const char *path)
{
        return g_strconcat(h->root, path, NULL);
}

G_GNUC_UNUSED static void make_folder(const Host *h, const char *path, mode_t mode)
{
        g_autofree char *opened = at_root(h, path);

        g_assert_cmpint(g_mkdir_with_parents(opened, 0755), ==, 0);
        g_assert_cmpint(chmod(opened, mode), ==, 0);
}

G_GNUC_UNUSED static void write_bytes(const Host *h, const char *path, const char *bytes, size_t size)
{
        g_autofree char *opened = at_root(h, path), *folder = g_path_get_dirname(opened);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_file_set_contents_full(opened, bytes, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error);
        g_assert_no_error(error);
}

G_GNUC_UNUSED static void write_text(const Host *h, const char *path, const char *text)
{
        write_bytes(h, path, text, strlen(text));
}

G_GNUC_UNUSED static void link_to(const Host *h, const char *target, const char *path)
{
        g_autofree char *opened = at_root(h, path);

        g_assert_cmpint(symlink(target, opened), ==, 0);
}

/* The programs without which no issuer of the type is known. */
G_GNUC_UNUSED static void install_program(const Host *h, const char *path)
{
        g_autofree char *program = at_root(h, path);

        write_text(h, path, "");
        g_assert_cmpint(chmod(program, 0755), ==, 0);
}

G_GNUC_UNUSED static void install_step(const Host *h)
{
        install_program(h, CERT_PROGRAM_DIR "/cert-issuer-step");
}

G_GNUC_UNUSED static void install_csr(const Host *h)
{
        install_program(h, CERT_PROGRAM_DIR "/cert-issuer-csr");
}

G_GNUC_UNUSED static void host_set_up(Host *h, const void *data)
{
        h->root = g_dir_make_tmp("cert-agent-manifest-XXXXXX", NULL);
        g_assert_cmpint(chmod(h->root, 0755), ==, 0);
        g_setenv(CERT_ENV_TEST_ROOT, h->root, TRUE);
        make_folder(h, "/etc/tls", 0755);
}

G_GNUC_UNUSED static void host_forget(Host *h)
{
        h->manifest = manifest_free(h->manifest);
        g_clear_pointer(&h->problems, g_ptr_array_unref);
        g_clear_error(&h->error);
}

G_GNUC_UNUSED static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
        return remove(path);
}

G_GNUC_UNUSED static void host_tear_down(Host *h, const void *data)
{
        host_forget(h);
        nftw(h->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        g_free(h->root);
}

G_GNUC_UNUSED static bool load(Host *h)
{
        bool ok;

        host_forget(h);
        ok = manifest_load(&h->manifest, &h->problems, &h->error);
        g_assert_nonnull(h->problems);
        g_assert_cmpint(ok, ==, h->manifest != NULL);
        g_assert_cmpint(ok, ==, h->problems->len == 0);
        if (!ok)
                g_assert_error(h->error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
        return ok;
}

G_GNUC_UNUSED static void assert_loads(Host *h)
{
        bool ok = load(h);

        for (unsigned i = 0; i < h->problems->len; i++) {
                g_autofree char *text = manifest_problem_to_string(h->problems->pdata[i]);

                g_test_message("%s", text);
        }
        g_assert_no_error(h->error);
        g_assert_true(ok);
}

/* Exactly one problem, and all of `texts` in how it is told. */
G_GNUC_UNUSED static void assert_one_problem(Host *h, const char *const *texts)
{
        g_autofree char *text = NULL;

        g_assert_false(load(h));
        for (unsigned i = 0; i < h->problems->len; i++) {
                g_autofree char *told = manifest_problem_to_string(h->problems->pdata[i]);

                g_test_message("%s", told);
        }
        g_assert_cmpuint(h->problems->len, ==, 1);
        text = manifest_problem_to_string(h->problems->pdata[0]);
        for (; *texts; texts++)
                if (!strstr(text, *texts))
                        g_error("\"%s\" is not in: %s", *texts, text);
}

#define assert_refused(h, ...) assert_one_problem(h, (const char *const[]){ __VA_ARGS__, NULL })

#define NAMES   "\"issuer\": \"site\", \"common_name\": \"www.example.org\""
#define PATHS   "\"cert_path\": \"/etc/tls/web.pem\", \"key_path\": \"/etc/tls/web.key\""
#define ISSUERS "\"issuers\": {\"site\": {\"type\": \"local\"}}"

/* A manifest whose one certificate, "web", is the given object. */
G_GNUC_UNUSED static void write_certificate(const Host *h, const char *object)
{
        g_autofree char *text =
                g_strdup_printf("{\"version\": 1,\n" ISSUERS ",\n\"certificates\": {\"web\": %s}}", object);

        write_text(h, CERT_MANIFEST_FILE, text);
}

G_GNUC_UNUSED static const ManifestCertificate *web(const Host *h)
{
        const ManifestCertificate *c = manifest_find(h->manifest, "web");

        g_assert_nonnull(c);
        return c;
}

typedef void (*Test)(Host *h, const void *data);

G_GNUC_UNUSED static void add(const char *name, Test test)
{
        g_autofree char *path = g_strconcat("/manifest/", name, NULL);

        g_test_add(path, Host, NULL, host_set_up, test, host_tear_down);
}

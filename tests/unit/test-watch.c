/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The watch: what changes is told by name, once; and folders that go and come. */

#include "agent/watch.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Host {
        char *root;
        sd_event *event;
        Manifest manifest;
        ManifestCertificate a, b, bundle;
        GString *told;
        unsigned tellings;
} Host;

static void on_changed(char **names, void *userdata)
{
        Host *h = userdata;

        h->tellings++;
        for (; *names; names++)
                g_string_append_printf(h->told, "%s ", *names);
}

static void host_setup(Host *h, gconstpointer data)
{
        g_autofree char *folder = NULL;

        h->root = g_dir_make_tmp("test-watch-XXXXXX", NULL);
        g_setenv(CERT_ENV_TEST_ROOT, h->root, TRUE);
        folder = g_strconcat(h->root, "/tls", NULL);
        g_assert_cmpint(mkdir(folder, 0755), ==, 0);
        g_assert_cmpint(sd_event_new(&h->event), >=, 0);
        h->told = g_string_new(NULL);
        h->a = (ManifestCertificate) { .name = (char *) "a", .watch = true };
        h->a.path[MANAGED_FILE_CERT] = (char *) "/tls/a.pem";
        h->b = (ManifestCertificate) { .name = (char *) "b", .watch = false };
        h->b.path[MANAGED_FILE_CERT] = (char *) "/tls/b.pem";
        h->manifest.certificates = g_ptr_array_new();
        g_ptr_array_add(h->manifest.certificates, &h->a);
        g_ptr_array_add(h->manifest.certificates, &h->b);
        h->bundle = (ManifestCertificate) { .kind = MANIFEST_KIND_BUNDLE, .name = (char *) "bundle:ca" };
        h->bundle.path[MANAGED_FILE_CA] = (char *) "/tls/ca.pem";
        h->manifest.bundles = g_ptr_array_new();
        g_ptr_array_add(h->manifest.bundles, &h->bundle);
}

static void host_teardown(Host *h, gconstpointer data)
{
        g_autofree char *command = g_strdup_printf("rm -rf '%s'", h->root);

        g_assert_cmpint(system(command), ==, 0);
        g_ptr_array_unref(h->manifest.certificates);
        g_ptr_array_unref(h->manifest.bundles);
        g_string_free(h->told, TRUE);
        sd_event_unref(h->event);
        g_free(h->root);
}

/* Runs the loop for half a second of quiet at the most. */
static const char *what_is_told(Host *h)
{
        g_string_truncate(h->told, 0);
        while (sd_event_run(h->event, 500 * USEC_PER_MSEC) > 0)
                ;
        return h->told->str;
}

static void write_file(const Host *h, const char *name)
{
        g_autofree char *path = g_strconcat(h->root, "/tls/", name, NULL);

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
}

static void test_a_change_is_told_once_by_name(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        watch_set(w, &h->manifest);
        g_assert_true(watch_is_active(w));
        write_file(h, "a.pem");
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        write_file(h, "b.pem");
        write_file(h, "unrelated");
        g_assert_cmpstr(what_is_told(h), ==, "");
        watch_free(w);
}

static void test_a_folder_that_went_and_came_back_is_watched_again(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);
        g_autofree char *folder = g_strconcat(h->root, "/tls", NULL);

        watch_set(w, &h->manifest);
        g_assert_cmpint(rmdir(folder), ==, 0);
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        g_assert_cmpint(mkdir(folder, 0755), ==, 0);
        watch_mend(w);
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        watch_free(w);
}

static void test_what_is_no_longer_wanted_is_not_watched(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        watch_set(w, &h->manifest);
        h->a.watch = false;
        watch_set(w, &h->manifest);
        g_assert_false(watch_is_active(w));
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "");
        watch_free(w);
}

static void test_files_behind_a_flipped_link_are_watched(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);
        g_autofree char *one = g_strconcat(h->root, "/tls/one", NULL), *two = g_strconcat(h->root, "/tls/two", NULL);
        g_autofree char *link = g_strconcat(h->root, "/tls/web", NULL), *next = g_strconcat(h->root, "/tls/next", NULL);

        h->a.path[MANAGED_FILE_CERT] = NULL;
        h->a.directory = (char *) "/tls/web";
        g_assert_cmpint(mkdir(one, 0755) | mkdir(two, 0755) | symlink("one", link), ==, 0);
        watch_set(w, &h->manifest);
        write_file(h, "one/cert.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        g_assert_cmpint(symlink("two", next) | rename(next, link), ==, 0);
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        write_file(h, "two/key.pem");
        g_assert_cmpstr(what_is_told(h), ==, "a ");
        watch_free(w);
}

static void test_bundles_are_watched_like_certificates(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        h->a.watch = false;
        watch_set(w, &h->manifest);
        g_assert_false(watch_is_active(w));
        h->bundle.watch = true;
        watch_set(w, &h->manifest);
        g_assert_true(watch_is_active(w));
        write_file(h, "ca.pem");
        g_assert_cmpstr(what_is_told(h), ==, "bundle:ca ");
        write_file(h, "a.pem");
        g_assert_cmpstr(what_is_told(h), ==, "");
        watch_free(w);
}

static void test_what_was_found_otherwise_is_told_with_the_rest(Host *h, gconstpointer data)
{
        Watch *w = watch_new(h->event, on_changed, h);

        watch_tell(w, "authority:site");
        watch_tell(w, "authority:site");
        g_assert_false(watch_is_active(w));
        g_assert_cmpstr(what_is_told(h), ==, "authority:site ");
        g_assert_cmpuint(h->tellings, ==, 1);
        watch_free(w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add(path, Host, NULL, host_setup, test, host_teardown)
        ADD("/watch/a-change-is-told-once", test_a_change_is_told_once_by_name);
        ADD("/watch/a-folder-that-came-back", test_a_folder_that_went_and_came_back_is_watched_again);
        ADD("/watch/no-longer-wanted", test_what_is_no_longer_wanted_is_not_watched);
        ADD("/watch/behind-a-flipped-link", test_files_behind_a_flipped_link_are_watched);
        ADD("/watch/bundles", test_bundles_are_watched_like_certificates);
        ADD("/watch/found-otherwise", test_what_was_found_otherwise_is_told_with_the_rest);
        return g_test_run();
}

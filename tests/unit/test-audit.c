/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom an access list lets read, as a table; what folders lie in; which findings are new; an audit of many files by a real
 * loop, and one that ends early. */

#include "agent/acl.h"
#include "agent/audit.h"
#include "agent/findings-seen.h"
#include "agent/surroundings.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- Access lists ---- */

#define VERSION 2, 0, 0, 0
#define ENTRY(tag, permissions, id) (tag), 0, (permissions), 0, (id) & 0xff, (id) >> 8, 0, 0
#define BASE VERSION, ENTRY(0x01, 6, 0), ENTRY(0x04, 4, 0), ENTRY(0x20, 0, 0)

typedef struct ListRow {
        const char *name;
        uint8_t list[64];
        size_t size; /* 0: none that can be read is found */
        int reader;  /* the id; -1: nobody */
        bool is_group;
} ListRow;

/* The file is of user 100 and group 200. */
static const ListRow list_rows[] = {
        { "nobody is named", { BASE }, 28, -1 },
        { "a user", { BASE, ENTRY(0x02, 4, 1000), ENTRY(0x10, 4, 0) }, 44, 1000 },
        { "a group", { BASE, ENTRY(0x08, 4, 1000), ENTRY(0x10, 7, 0) }, 44, 1000, true },
        { "a user who may write alone", { BASE, ENTRY(0x02, 2, 1000), ENTRY(0x10, 7, 0) }, 44, -1 },
        { "a mask takes it away", { BASE, ENTRY(0x02, 4, 1000), ENTRY(0x10, 0, 0) }, 44, -1 },
        { "a mask that stands first", { VERSION, ENTRY(0x10, 0, 0), ENTRY(0x02, 4, 1000) }, 20, -1 },
        { "no mask", { BASE, ENTRY(0x02, 4, 1000) }, 36, 1000 },
        { "root", { BASE, ENTRY(0x02, 4, 0), ENTRY(0x10, 4, 0) }, 44, -1 },
        { "its own user", { BASE, ENTRY(0x02, 4, 100), ENTRY(0x10, 4, 0) }, 44, -1 },
        { "its own group", { BASE, ENTRY(0x08, 4, 200), ENTRY(0x10, 4, 0) }, 44, -1 },
        { "the group root", { BASE, ENTRY(0x08, 4, 0), ENTRY(0x10, 4, 0) }, 44, 0, true },
        { "the second that is named", { BASE, ENTRY(0x02, 0, 7), ENTRY(0x02, 4, 8), ENTRY(0x10, 4, 0) }, 52, 8 },
        { "of another version", { 3, 0, 0, 0, ENTRY(0x02, 4, 1000) }, 12, -1 },
        { "cut off", { BASE, ENTRY(0x02, 4, 1000) }, 35, -1 },
        { "no header", { 2, 0 }, 2, -1 },
        { "nothing", {}, 0, -1 },
};

static void test_list(gconstpointer data)
{
        const ListRow *row = data;
        g_autofree uint8_t *list = g_memdup2(row->list, row->size); /* its end is the memory's */
        AclReader reader;

        g_assert_cmpint(acl_find_reader(list, row->size, 100, 200, &reader), ==, row->reader >= 0);
        if (row->reader < 0)
                return;
        g_assert_cmpuint(reader.id, ==, (unsigned) row->reader);
        g_assert_cmpint(reader.is_group, ==, row->is_group);
}

/* ---- Surroundings ---- */

static void make_folder(const char *root, const char *path, mode_t mode)
{
        g_autofree char *folder = g_strconcat(root, path, NULL);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_cmpint(chmod(folder, mode), ==, 0);
}

static const Surroundings *look(SurroundingsCache *c, const char *root, const char *path)
{
        g_autofree char *folder = g_strconcat(root, path, NULL);
        int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const Surroundings *s;

        g_assert_cmpint(fd, >=, 0);
        s = surroundings_of(c, fd);
        close(fd);
        g_assert_nonnull(s);
        return s;
}

static void test_surroundings(void)
{
        g_autofree char *root = fixture_root_new();
        g_autoptr(SurroundingsCache) c = NULL;

        g_assert_cmpint(chmod(root, 0755), ==, 0);
        make_folder(root, "/plain/a/b", 0755);
        make_folder(root, "/git/.git", 0755);
        make_folder(root, "/git/a/b", 0755);
        make_folder(root, "/git/a/inner/.hg", 0755);
        make_folder(root, "/bare/objects", 0755);
        make_folder(root, "/closed/a", 0755);
        make_folder(root, "/closed", 0750);
        c = surroundings_cache_new();

        g_assert_null(look(c, root, "/plain/a/b")->system);
        g_assert_false(look(c, root, "/plain/a/b")->is_closed);
        g_assert_null(look(c, root, "/bare")->system);
        g_assert_true(look(c, root, "/closed/a")->is_closed);
        for (unsigned i = 0; i < 2; i++) { /* the second time from what is known */
                g_assert_cmpstr(look(c, root, "/git/a/b")->system, ==, "Git");
                g_assert_cmpstr(look(c, root, "/git/a/b")->checkout, ==, "/git");
        }
        g_assert_cmpstr(look(c, root, "/git/a/inner")->system, ==, "Mercurial");
        g_assert_cmpstr(look(c, root, "/git/a/inner")->checkout, ==, "/git/a/inner");
        fixture_root_free(g_steal_pointer(&root));
}

/* Who owns the folder above may rename a checkout to anything while the agent looks; the finding must be a text all the same. */
static void test_a_checkout_whose_name_is_no_text(void)
{
        g_autofree char *root = fixture_root_new();
        g_autoptr(SurroundingsCache) c = NULL;
        const char *shown;

        make_folder(root, "/caf\xe9\n\x1b", 0755);
        make_folder(root, "/caf\xe9\n\x1b/.git", 0755);
        c = surroundings_cache_new();
        shown = look(c, root, "/caf\xe9\n\x1b")->checkout;
        g_assert_true(g_utf8_validate(shown, -1, NULL));
        g_assert_true(g_str_has_prefix(shown, "/caf"));
        g_assert_null(strpbrk(shown, "\n\x1b"));
        fixture_root_free(g_steal_pointer(&root));
}

static void test_a_root_that_is_a_checkout(void)
{
        g_autofree char *root = fixture_root_new();
        g_autoptr(SurroundingsCache) c = NULL;

        make_folder(root, "/.git", 0755);
        make_folder(root, "/etc", 0755);
        c = surroundings_cache_new();
        g_assert_cmpstr(look(c, root, "/etc")->checkout, ==, "/");
        fixture_root_free(g_steal_pointer(&root));
}

/* ---- What was seen ---- */

static guint take(FindingsSeen *s, const GArray *findings, const char *name, bool complete)
{
        const char *const names[] = { name, NULL };
        g_autoptr(GPtrArray) unseen = findings_seen_take(s, findings, name ? names : NULL, complete);

        return unseen->len;
}

static GArray *findings_of(const char *first, const char *second)
{
        GArray *findings = findings_new();

        if (first)
                findings_add(findings, FINDING_KEY_READABLE, first, g_strdup("all"), g_strdup("do"));
        if (second)
                findings_add(findings, FINDING_KEY_IN_CHECKOUT, second, g_strdup("in /etc"), g_strdup("do"));
        return findings;
}

static FindingsSeen *save_and_load(FindingsSeen *s)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(findings_seen_save(s, &error));
        g_assert_no_error(error);
        findings_seen_free(s);
        return findings_seen_load();
}

static void test_seen(void)
{
        g_autofree char *root = fixture_root_new();
        g_autoptr(FindingsSeen) s = findings_seen_load();
        g_autoptr(GArray) both = findings_of("a", "b"), one = findings_of("a", NULL), none = findings_of(NULL, NULL);

        g_assert_cmpuint(findings_seen_audited(s), ==, 0);
        g_assert_cmpuint(take(s, both, NULL, true), ==, 2);
        g_assert_cmpuint(take(s, both, NULL, true), ==, 0);
        findings_seen_note_audit(s, 77);
        s = save_and_load(s);
        g_assert_cmpuint(findings_seen_audited(s), ==, 77);
        g_assert_cmpuint(take(s, both, NULL, true), ==, 0);
        g_assert_cmpuint(take(s, one, NULL, false), ==, 0); /* there was no time for the other */
        g_assert_cmpuint(take(s, both, NULL, true), ==, 0);
        g_assert_cmpuint(take(s, none, "a", true), ==, 0); /* only that was looked at */
        s = save_and_load(s);
        g_assert_cmpuint(take(s, both, NULL, true), ==, 1);
        g_assert_cmpuint(take(s, none, NULL, true), ==, 0);
        g_assert_cmpuint(take(s, both, NULL, true), ==, 2);
        fixture_root_free(g_steal_pointer(&root));
}

static void test_seen_damaged(void)
{
        static const char text[] = "audited 12x\naudited -1\n\n0123 a\n"
                                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
                                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef \nzz";
        g_autofree char *root = fixture_root_new(), *path = NULL;
        g_autoptr(GArray) one = findings_of("a", NULL);
        g_autoptr(FindingsSeen) s = NULL;

        path = g_strconcat(root, CERT_FINDINGS_FILE, NULL);
        g_assert_true(g_file_set_contents(path, text, sizeof text - 1, NULL));
        s = findings_seen_load();
        g_assert_cmpuint(findings_seen_audited(s), ==, 0);
        g_assert_cmpuint(take(s, one, NULL, true), ==, 1);
        fixture_root_free(g_steal_pointer(&root));
}

static void test_codes(void)
{
        for (FindingCode code = 0; code < _FINDING_CODE_MAX; code++)
                g_assert_cmpint(finding_code_from_string(finding_code_to_string(code)), ==, code);
        g_assert_cmpint(finding_code_from_string("nonsense"), ==, _FINDING_CODE_INVALID);
}

/* ---- An audit ---- */

typedef struct Run {
        sd_event *event;
        UnitAccess *access;
        Offload *offload;
        GPtrArray *wishes;
        GArray *found;
        bool complete;
} Run;

static void wish_free(void *p)
{
        fixture_certificate_free(p);
}

static void run_begin(Run *r, unsigned n, const char *root)
{
        g_assert_cmpint(sd_event_new(&r->event), >=, 0);
        r->access = unit_access_new(r->event, NULL);
        r->offload = offload_new(r->event);
        r->wishes = g_ptr_array_new_with_free_func(wish_free);
        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = g_strdup_printf("c%05u", i), *key = NULL, *kept = NULL, *file = NULL;
                ManifestCertificate *c = fixture_certificate_new(name);

                key = g_strconcat(root, c->path[MANAGED_FILE_KEY], NULL);
                kept = g_strdup_printf("%s" CERT_GENERATION_DIR "/%s/1", root, name);
                file = g_strconcat(kept, "/key.pem", NULL);
                g_assert_true(g_file_set_contents_full(key, "k", 1, G_FILE_SET_CONTENTS_NONE, 0640, NULL));
                g_assert_cmpint(g_mkdir_with_parents(kept, 0700), ==, 0);
                g_assert_true(g_file_set_contents_full(file, "k", 1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
                g_ptr_array_add(r->wishes, c);
        }
}

static void run_end(Run *r)
{
        g_clear_pointer(&r->found, g_array_unref);
        g_ptr_array_unref(r->wishes);
        offload_free(r->offload);
        unit_access_free(r->access);
        sd_event_unref(r->event);
}

static void on_done(const GArray *findings, bool complete, void *userdata)
{
        Run *r = userdata;

        r->found = g_array_ref((GArray *) findings);
        r->complete = complete;
        (void) sd_event_exit(r->event, 0);
}

static void test_many(void)
{
        unsigned n = g_test_slow() ? 10000 : 1000;
        g_autofree char *root = fixture_root_new(), *exposed = NULL;
        Run r = {};
        clock_t began;

        fixture_make_folder(root, "/etc/tls", 0755);
        run_begin(&r, n, root);
        exposed = g_strconcat(root, "/etc/tls/c00500.key", NULL);
        g_assert_cmpint(chmod(exposed, 0644), ==, 0);
        began = clock();
        g_assert_nonnull(audit_start(r.event, r.access, r.offload, r.wishes, true, on_done, &r));
        g_assert_null(r.found); /* never from within */
        g_assert_cmpint(sd_event_loop(r.event), ==, 0);
        g_test_message("%u certificates: %.0f ms of the processor", n, (double) (clock() - began) * 1000 / CLOCKS_PER_SEC);
        g_assert_true(r.complete);
        g_assert_cmpuint(r.found->len, ==, 1);
        g_assert_cmpstr(g_array_index(r.found, Finding, 0).certificate, ==, "c00500");
        run_end(&r);
        fixture_root_free(g_steal_pointer(&root));
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata)
{
        return sd_event_exit(userdata, 0);
}

static void test_discarded(void)
{
        g_autofree char *root = fixture_root_new();
        sd_event_source *timer = NULL;
        Run r = {};

        fixture_make_folder(root, "/etc/tls", 0755);
        run_begin(&r, 300, root);
        for (unsigned i = 0; i < 5; i++) {
                Audit *a = audit_start(r.event, r.access, r.offload, r.wishes, true, on_done, &r);

                g_usleep(i * 500);
                g_assert_null(audit_discard(a));
        }
        g_assert_cmpint(sd_event_add_time_relative(r.event, &timer, CLOCK_MONOTONIC, 200000, 0, on_time, r.event), >=, 0);
        g_assert_cmpint(sd_event_loop(r.event), ==, 0);
        g_assert_null(r.found);
        sd_event_source_unref(timer);
        run_end(&r);
        fixture_root_free(g_steal_pointer(&root));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(list_rows); i++) {
                g_autofree char *path = g_strconcat("/audit/list/", list_rows[i].name, NULL);

                g_test_add_data_func(path, &list_rows[i], test_list);
        }
        g_test_add_func("/audit/surroundings", test_surroundings);
        g_test_add_func("/audit/a checkout whose name is no text", test_a_checkout_whose_name_is_no_text);
        g_test_add_func("/audit/a root that is a checkout", test_a_root_that_is_a_checkout);
        g_test_add_func("/audit/a finding is new once", test_seen);
        g_test_add_func("/audit/a damaged memory", test_seen_damaged);
        g_test_add_func("/audit/codes", test_codes);
        g_test_add_func("/audit/many certificates", test_many);
        g_test_add_func("/audit/one that nobody waits for", test_discarded);
        return g_test_run();
}

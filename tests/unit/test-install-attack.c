/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Installing where others can interfere: what another user puts at a target or on the way to it, and what a
 * process of that user does while an install runs. A victim file, root's, must never change; a key must never
 * be seen with a wider mode or another owner than its final ones. */

#include "agent/install.h"
#include "common/error.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY   65534
#define WWW      33
#define INSTALLS 250 /* in a race, times two generations */
#define VICTIM   "root's own"

typedef struct Fixture {
        char *root;
        FixtureAuthority *authority;
        ManifestCertificate *c;
        Generation *a, *b;
        char *victim; /* a file of root's, mode 0600 */
        char *folder; /* the target's, below the root */
        char *key;    /* the target */
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = fixture_root_new();
        f->authority = fixture_authority_new();
        f->c = fixture_certificate_new("web");
        f->a = fixture_generation_new(f->authority, f->c);
        f->b = fixture_generation_new(f->authority, f->c);
        fixture_make_folder(f->root, "/etc/tls", 0755);
        fixture_make_folder(f->root, "/root", 0755);
        f->victim = fixture_path(f->root, "/root/victim");
        f->folder = fixture_path(f->root, "/etc/tls");
        f->key = fixture_path(f->root, "/etc/tls/web.key");
        g_assert_true(g_file_set_contents_full(f->victim, VICTIM, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void tear_down(Fixture *f, gconstpointer data)
{
        generation_unref(f->a);
        generation_unref(f->b);
        fixture_authority_free(f->authority);
        fixture_certificate_free(f->c);
        fixture_root_free(f->root);
        g_free(f->victim);
        g_free(f->folder);
        g_free(f->key);
}

static void assert_victim_is_unharmed(Fixture *f)
{
        g_autofree char *content = NULL;
        struct stat st;

        g_assert_cmpint(lstat(f->victim, &st), ==, 0);
        g_assert_cmpuint(st.st_uid, ==, 0);
        g_assert_cmpuint(st.st_gid, ==, 0);
        g_assert_cmpuint(st.st_mode, ==, S_IFREG | 0600);
        g_assert_true(g_file_get_contents(f->victim, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, VICTIM);
}

static GError *try_install(Fixture *f, const Generation *g)
{
        InstallItem item = { .certificate = f->c, .generation = g };

        install_batch(&item, 1);
        return item.error;
}

/* Whether that works is the attacker's choice. */
static bool install_maybe(Fixture *f, const Generation *g)
{
        g_autoptr(GError) error = try_install(f, g);

        return !error;
}

static void install(Fixture *f, const Generation *g)
{
        g_autoptr(GError) error = try_install(f, g);

        g_assert_no_error(error);
        fixture_assert_installed(f->root, f->c, g);
}

/* ---- What stands at the target ---- */

static void test_a_link_at_the_target(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        g_assert_cmpint(symlink(f->victim, f->key), ==, 0);
        g_assert_cmpint(lchown(f->key, NOBODY, NOBODY), ==, 0);
        install(f, f->a);
        assert_victim_is_unharmed(f);
}

static void test_a_hard_link_at_the_target(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        g_assert_cmpint(link(f->victim, f->key), ==, 0);
        install(f, f->a);
        assert_victim_is_unharmed(f);
}

/* Same content, other owner: mending the owner must not give away the other name's file. */
static void test_a_hard_link_is_not_given_away_by_a_repair(Fixture *f, gconstpointer data)
{
        g_autofree char *other = fixture_path(f->root, "/root/other");
        g_autoptr(GError) error = NULL;
        struct stat st;

        if (!fixture_is_root())
                return;
        install(f, f->a);
        g_assert_cmpint(link(f->key, other), ==, 0);
        f->c->key_attributes = (FileAttributes){ NOBODY, NOBODY, 0644 };
        g_assert_true(install_repair(f->c, f->a, &error));
        g_assert_cmpint(stat(other, &st), ==, 0);
        g_assert_cmpuint(st.st_uid, ==, 0);
        g_assert_cmpuint(st.st_mode & 0777, ==, 0640);
        fixture_assert_installed(f->root, f->c, f->a);
}

static void on_alarm(int signal)
{
        static const char said[] = "Bail out! the install blocked\n";

        (void) !write(STDOUT_FILENO, said, sizeof said - 1);
        _exit(1);
}

static void test_a_fifo_at_the_target_blocks_nothing(Fixture *f, gconstpointer data)
{
        signal(SIGALRM, on_alarm);
        alarm(100);
        g_assert_cmpint(mkfifo(f->key, 0666), ==, 0);
        install(f, f->a);
        alarm(0);
}

static void test_a_device_at_the_target_is_not_opened(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        if (mknod(f->key, S_IFCHR | 0666, makedev(1, 3)) < 0) {
                g_test_message("no device can be made here: %s", g_strerror(errno));
                g_assert_null(g_getenv("CI"));
                return;
        }
        install(f, f->a);
}

static void test_a_link_of_another_user_on_the_way(Fixture *f, gconstpointer data)
{
        g_autofree char *theirs = fixture_path(f->root, "/etc/theirs");
        g_autofree char *below = fixture_path(f->root, "/root/web.key");
        g_autoptr(GError) error = NULL;

        if (!fixture_is_root())
                return;
        g_assert_cmpint(symlink("/root", theirs), ==, 0);
        g_assert_cmpint(lchown(theirs, NOBODY, NOBODY), ==, 0);
        g_free(f->c->path[MANAGED_FILE_KEY]);
        f->c->path[MANAGED_FILE_KEY] = g_strdup("/etc/theirs/web.key");
        error = try_install(f, f->a);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_cmpint(g_access(below, F_OK), ==, -1);
}

static void test_a_folder_of_a_third_user(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        if (!fixture_is_root())
                return;
        f->c->key_attributes.uid = WWW;
        g_assert_cmpint(chown(f->folder, NOBODY, NOBODY), ==, 0);
        error = try_install(f, f->a);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_cmpint(g_access(f->key, F_OK), ==, -1);
}

/* ---- Races ---- */

/* Runs `work` again and again as nobody in another process, until it is killed. */
static pid_t start_attacker(Fixture *f, void (*work)(Fixture *))
{
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid > 0)
                return pid;
        if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
                _exit(1);
        for (;;)
                work(f);
}

static void end_attacker(pid_t pid)
{
        int status;

        g_assert_cmpint(waitpid(pid, &status, WNOHANG), ==, 0); /* it was at it all the time */
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
}

/* The target's folder belongs to the attacker, as does the certificate: all that is allowed to be harmed is
 * its own. */
static void exchange_names(Fixture *f)
{
        g_autofree char *bait = g_strconcat(f->folder, "/bait", NULL);

        (void) unlink(bait);
        (void) symlink(f->victim, bait);
        (void) rename(bait, f->key);
        (void) link(f->victim, bait);
        (void) rename(bait, f->key);
        (void) mkfifo(bait, 0666);
        (void) rename(bait, f->key);
        (void) unlink(f->key);
        (void) mkdir(f->key, 0777);
        (void) rmdir(f->key);
}

static void test_names_exchanged_in_the_target_s_folder(Fixture *f, gconstpointer data)
{
        unsigned failed = 0;
        pid_t attacker;

        if (!fixture_is_root())
                return;
        f->c->cert_attributes = f->c->key_attributes = (FileAttributes){ NOBODY, NOBODY, 0600 };
        g_assert_cmpint(chown(f->folder, NOBODY, NOBODY), ==, 0);
        signal(SIGALRM, on_alarm);
        alarm(250);
        attacker = start_attacker(f, exchange_names);
        for (unsigned i = 0; i < INSTALLS; i++) {
                failed += !install_maybe(f, f->a);
                failed += !install_maybe(f, f->b);
                assert_victim_is_unharmed(f);
        }
        end_attacker(attacker);
        alarm(0);
        g_test_message("%u of %u installs failed by the attacker's folder in the way", failed, 2 * INSTALLS);
        g_assert_cmpuint(failed, <, 2 * INSTALLS);
}

/* What was staged is renamed away and other things put under its name. */
static void exchange_staged(Fixture *f)
{
        GDir *dir = g_dir_open(f->folder, 0, NULL);

        for (const char *name; dir && (name = g_dir_read_name(dir));) {
                g_autofree char *staged = g_strconcat(f->folder, "/", name, NULL);
                g_autofree char *away = g_strconcat(f->folder, "/away", NULL);

                if (name[0] != '.')
                        continue;
                (void) rename(staged, away);
                (void) symlink(f->victim, staged);
        }
        if (dir)
                g_dir_close(dir);
}

static void test_staged_files_exchanged(Fixture *f, gconstpointer data)
{
        pid_t attacker;

        if (!fixture_is_root())
                return;
        f->c->cert_attributes = f->c->key_attributes = (FileAttributes){ NOBODY, NOBODY, 0600 };
        g_assert_cmpint(chown(f->folder, NOBODY, NOBODY), ==, 0);
        attacker = start_attacker(f, exchange_staged);
        for (unsigned i = 0; i < INSTALLS; i++) {
                (void) install_maybe(f, f->a);
                (void) install_maybe(f, f->b);
                assert_victim_is_unharmed(f);
        }
        end_attacker(attacker);
}

/* A folder on the way is exchanged for a link into root's own, and back. */
static void exchange_parents(Fixture *f)
{
        g_autofree char *home = fixture_path(f->root, "/home/eve/tls");
        g_autofree char *away = fixture_path(f->root, "/home/eve/away");
        g_autofree char *target = fixture_path(f->root, "/root");

        (void) rename(home, away);
        (void) symlink(target, home);
        (void) unlink(home);
        (void) rename(away, home);
}

static void test_parents_exchanged(Fixture *f, gconstpointer data)
{
        g_autofree char *eve = fixture_path(f->root, "/home/eve");
        g_autofree char *tls = fixture_path(f->root, "/home/eve/tls");
        unsigned done = 0, tries;
        pid_t attacker;

        if (!fixture_is_root())
                return;
        fixture_make_folder(f->root, "/home/eve/tls", 0755);
        g_assert_cmpint(chown(eve, NOBODY, NOBODY), ==, 0);
        g_assert_cmpint(chown(tls, NOBODY, NOBODY), ==, 0);
        f->c->cert_attributes = f->c->key_attributes = (FileAttributes){ NOBODY, NOBODY, 0600 };
        g_free(f->c->path[MANAGED_FILE_KEY]);
        g_free(f->c->path[MANAGED_FILE_CERT]);
        f->c->path[MANAGED_FILE_KEY] = g_strdup("/home/eve/tls/victim");
        f->c->path[MANAGED_FILE_CERT] = g_strdup("/home/eve/tls/cert");
        attacker = start_attacker(f, exchange_parents);
        /* Few get through; on a busy machine it may take more to see one. */
        for (tries = 0; tries < INSTALLS || (done == 0 && tries < 100 * INSTALLS); tries++) {
                done += install_maybe(f, f->a);
                done += install_maybe(f, f->b);
                assert_victim_is_unharmed(f);
        }
        end_attacker(attacker);
        g_test_message("%u of %u installs done", done, 2 * tries);
        g_assert_cmpuint(done, >, 0);
        g_assert_cmpint(fixture_count_staged(f->root, "/root"), ==, 0);
}

/* ---- What can be seen ---- */

/* What a watcher saw, shared between processes. */
typedef struct Seen {
        unsigned looks, staged_with_content, wrong;
        struct stat example;
} Seen;

/* Looks at everything in the folder as fast as it can: a hidden file with content must have its final owner
 * and mode. */
static void watch(Fixture *f, Seen *seen)
{
        int folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (;;) {
                GDir *dir = g_dir_open(f->folder, 0, NULL);

                for (const char *name; dir && (name = g_dir_read_name(dir));) {
                        struct stat st;

                        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size == 0 ||
                            !strstr(name, "web.key"))
                                continue;
                        seen->looks++;
                        seen->staged_with_content += name[0] == '.';
                        if (st.st_uid != WWW || st.st_gid != NOBODY || (st.st_mode & 07777) != 0440) {
                                seen->wrong++;
                                seen->example = st;
                        }
                }
                g_dir_close(dir);
        }
}

static void test_a_key_is_never_seen_wider(Fixture *f, gconstpointer data)
{
        Seen *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        pid_t watcher;

        if (!fixture_is_root())
                return;
        f->c->key_attributes = (FileAttributes){ WWW, NOBODY, 0440 };
        watcher = fork();
        if (watcher == 0)
                watch(f, seen);
        for (unsigned i = 0; i < 5000 && (i < INSTALLS || seen->staged_with_content < 20); i++) {
                install(f, f->a);
                install(f, f->b);
        }
        end_attacker(watcher);
        g_test_message("%u looks, %u at a staged key with content", seen->looks, seen->staged_with_content);
        g_assert_cmpuint(seen->staged_with_content, >, 0);
        if (seen->wrong > 0)
                g_error("a key was seen with owner %u:%u, mode %o", (unsigned) seen->example.st_uid,
                        (unsigned) seen->example.st_gid, (unsigned) seen->example.st_mode);
        (void) munmap(seen, sizeof *seen);
}

/* A reader in the order of servers, certificate then key, as fast as it can. */
static void test_directories_never_mislead_a_reader_that_stays_in(Fixture *f, gconstpointer data)
{
        g_autofree char *path = fixture_path(f->root, "/etc/tls/web");
        pid_t pid;
        int status;

        g_clear_pointer(&f->c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&f->c->path[MANAGED_FILE_KEY], g_free);
        f->c->directory = g_strdup("/etc/tls/web");
        f->a->number = 1;
        f->b->number = 2;
        g_assert_null(try_install(f, f->a));
        pid = fork();
        if (pid == 0) {
                for (unsigned i = 0; i < 200; i++) {
                        g_assert_null(try_install(f, i % 2 ? f->a : f->b));
                }
                _exit(0);
        }
        while (waitpid(pid, &status, WNOHANG) == 0) {
                int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                char cert[4096], key[4096];
                int fd = openat(folder, "fullchain.pem", O_RDONLY | O_CLOEXEC);
                ssize_t n = read(fd, cert, sizeof cert), m;
                bool is_a = n == (ssize_t) g_bytes_get_size(f->a->cert_pem) &&
                            memcmp(cert, g_bytes_get_data(f->a->cert_pem, NULL), (size_t) n) == 0;
                GBytes *wanted = is_a ? f->a->key_pem : f->b->key_pem;

                close(fd);
                fd = openat(folder, "key.pem", O_RDONLY | O_CLOEXEC);
                m = read(fd, key, sizeof key);
                close(fd);
                close(folder);
                g_assert_cmpmem(key, m, g_bytes_get_data(wanted, NULL), g_bytes_get_size(wanted));
        }
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define ADD(path, test) g_test_add("/install-attack/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("a link at the target", test_a_link_at_the_target);
        ADD("a hard link at the target", test_a_hard_link_at_the_target);
        ADD("a hard link is not given away by a repair", test_a_hard_link_is_not_given_away_by_a_repair);
        ADD("a FIFO at the target blocks nothing", test_a_fifo_at_the_target_blocks_nothing);
        ADD("a device at the target is not opened", test_a_device_at_the_target_is_not_opened);
        ADD("a link of another user on the way", test_a_link_of_another_user_on_the_way);
        ADD("a folder of a third user", test_a_folder_of_a_third_user);
        ADD("names exchanged in the target's folder", test_names_exchanged_in_the_target_s_folder);
        ADD("staged files exchanged", test_staged_files_exchanged);
        ADD("parents exchanged", test_parents_exchanged);
        ADD("a key is never seen wider", test_a_key_is_never_seen_wider);
        ADD("directories never mislead a reader that stays in",
            test_directories_never_mislead_a_reader_that_stays_in);
        return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuing in a test. It owns the test root, the loop, the pool and the process that listens in place of
 * PID 1. */

#include "tests/unit/issue-run.h"

#include "common/names.h"
#include "issuers/local/change.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void link_program(const char *root, const char *name)
{
        const char *build = g_getenv("CERT_TEST_ISSUERS");
        g_autofree char *target = g_build_filename(build, name, NULL);
        g_autofree char *program = g_build_filename(CERT_PROGRAM_DIR, name, NULL);
        g_autofree char *path = fixture_path(root, program);

        g_assert_nonnull(build);
        g_assert_cmpint(symlink(target, path), ==, 0);
}

void issue_run_make_authority(const char *name, const char *config)
{
        g_autofree char *named = g_strdup_printf("{\"name\":\"%s\"%s%s", name, config[1] == '}' ? "" : ",", config + 1);
        g_autoptr(AuthorityOptions) o = authority_options_new(named, NULL);

        if (o) /* else the test is of a wrong configuration */
                g_assert_true(change_make(o, NULL));
}

IssueRun *issue_run_new(const char *type, const char *config)
{
        IssueRun *r = g_new0(IssueRun, 1);

        r->root = fixture_root_new();
        fixture_make_folder(r->root, CERT_PROGRAM_DIR, 0755);
        fixture_make_folder(r->root, CERT_SOCKET_ISSUER_DIR, 0755);
        link_program(r->root, "cert-issuer-local");
        link_program(r->root, "cert-issuer-fake");
        if (g_str_equal(type, "local"))
                issue_run_make_authority("site", config);
        g_assert_cmpint(sd_event_new(&r->event), >=, 0);
        r->pool = issue_pool_new(r->event);
        g_assert_nonnull(r->pool);
        r->certificate = fixture_certificate_new("web");
        r->issuer = (ManifestIssuer){ .name = g_strdup("site"),
                                      .type = g_strdup(type),
                                      .config = g_strdup(config) };
        return r;
}

static void forget(IssueRun *r)
{
        r->generation = generation_unref(r->generation);
        g_clear_pointer(&r->key_pem, g_bytes_unref);
        g_clear_pointer(&r->request, g_bytes_unref);
        g_clear_pointer(&r->token, g_free);
        g_clear_error(&r->error);
}

IssueRun *issue_run_free(IssueRun *r)
{
        if (!r)
                return NULL;
        issue_pool_free(r->pool);
        forget(r);
        fixture_certificate_free(r->certificate);
        g_free(r->issuer.name);
        g_free(r->issuer.type);
        g_free(r->issuer.config);
        sd_event_unref(r->event);
        if (r->listener > 0) {
                kill(r->listener, SIGTERM);
                waitpid(r->listener, NULL, 0);
        }
        fixture_root_free(r->root);
        g_free(r);
        return NULL;
}

void issue_run_set_config(IssueRun *r, const char *config)
{
        g_free(r->issuer.config);
        r->issuer.config = g_strdup(config);
}

void issue_run_done(const ManifestCertificate *c, const IssueResult *result, void *userdata)
{
        IssueRun *r = userdata;

        forget(r);
        r->answers++;
        r->outcome = result->outcome;
        r->generation = result->generation ? generation_ref(result->generation) : NULL;
        r->token = g_strdup(result->token);
        r->key_pem = result->key_pem ? g_bytes_ref(result->key_pem) : NULL;
        r->request = result->request ? g_bytes_ref(result->request) : NULL;
        r->for_current = result->for_current;
        r->poll_after = result->poll_after;
        r->retry_after = result->retry_after;
        r->error = result->error ? g_error_copy(result->error) : NULL;
}

void issue_run_until(IssueRun *r, unsigned answers)
{
        int64_t end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

        while (r->answers < answers) {
                g_assert_cmpint(g_get_monotonic_time(), <, end);
                g_assert_cmpint(sd_event_run(r->event, G_USEC_PER_SEC), >=, 0);
        }
}

void issue_run(IssueRun *r, Generation *current)
{
        unsigned before = r->answers;

        issue_start(r->pool, r->certificate, &r->issuer, current, issue_run_done, r);
        g_assert_cmpuint(r->answers, ==, before);
        issue_run_until(r, before + 1);
}

void issue_run_poll(IssueRun *r)
{
        g_autofree char *token = g_strdup(r->token);
        g_autoptr(Generation) waiting = generation_new_request(r->key_pem, r->request, NULL);
        unsigned before = r->answers;

        g_assert_nonnull(waiting);
        issue_poll(r->pool, r->certificate, &r->issuer, token, waiting, issue_run_done, r);
        issue_run_until(r, before + 1);
}

/* ---- In place of PID 1 ---- */

/* As Accept=yes: the program finds the connection as fd 3, and LISTEN_FDS says so. */
static void serve(int connection, const char *program)
{
        pid_t pid = fork();
        g_autofree char *self = NULL;

        if (pid != 0)
                return;
        dup2(connection, 3);
        (void) fcntl(3, F_SETFD, 0);
        self = g_strdup_printf("%d", (int) getpid());
        g_setenv("LISTEN_PID", self, TRUE);
        g_setenv("LISTEN_FDS", "1", TRUE);
        execl(program, program, (char *) NULL);
        _exit(127);
}

void issue_run_listen(IssueRun *r)
{
        g_autofree char *folder = fixture_path(r->root, CERT_SOCKET_ISSUER_DIR);
        g_autofree char *name = g_strdup_printf(CERT_PROGRAM_DIR "/cert-issuer-%s", r->issuer.type);
        g_autofree char *program = fixture_path(r->root, name);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = open(folder, O_PATH | O_CLOEXEC);

        g_snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, r->issuer.type);
        g_assert_cmpint(bind(fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(fd, 128), ==, 0);
        close(dir);
        /* Nothing to spawn: who connects without the socket fails. */
        r->listener = fork();
        if (r->listener == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                signal(SIGCHLD, SIG_IGN);
                for (;;) {
                        int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

                        serve(connection, program);
                        close(connection);
                }
        }
        close(fd);
}

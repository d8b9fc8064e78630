/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authorisation, against a polkit that answers as it is told: on the bus and on a peer connection, for root
 * and for an ordinary user (a process of its own, since a connection's user is the process's). */

#include "agent/polkit.h"
#include "common/error.h"
#include "common/names.h"
#include "common/peer.h"
#include "tests/integration/bus.h"

#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLKIT      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define NOBODY      65534

typedef struct Fixture {
        TestBus *test_bus;
        sd_event *event;
        sd_bus *bus, *control;
        Polkit *polkit;
        unsigned handled; /* how often the method was carried out */
} Fixture;

/* ---- The service ---- */

static int method_any(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        static const char *const details[] = { "certificates", "web", NULL };
        Fixture *f = userdata;
        int r = polkit_check(f->polkit, m, method_any, f, details, ret_error);

        if (r < 0)
                return r;
        if (r == 0)
                return 1;
        f->handled++;
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ListCertificates", "", "", method_any, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RenewDue", "", "", method_any, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", "", "", method_any, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Unheard", "", "", method_any, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void set_up(Fixture *f, gconstpointer data)
{
        f->test_bus = test_bus_new();
        test_bus_start(f->test_bus, "fake-polkit", POLKIT);
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        f->bus = test_bus_open(f->event);
        f->control = test_bus_open(f->event);
        g_assert_cmpint(
                sd_bus_add_object_vtable(f->bus, NULL, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, vtable, f), >=,
                0);
        g_assert_cmpint(sd_bus_request_name(f->bus, CERT_BUS_NAME, 0), >=, 0);
        f->polkit = polkit_new(f->bus);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        polkit_free(f->polkit);
        sd_bus_flush_close_unref(f->bus);
        sd_bus_flush_close_unref(f->control);
        sd_event_unref(f->event);
        test_bus_free(f->test_bus);
}

static void set_answer(Fixture *f, const char *answer)
{
        sd_bus_message_unref(call_and_wait(f->control, POLKIT, POLKIT_PATH, "org.certagent1.Fake",
                                           "SetAnswer", "s", answer));
}

static char *questions(Fixture *f)
{
        g_auto(GStrv) list = fake_list(f->control, POLKIT, POLKIT_PATH, "Questions");

        return g_strjoinv("\n", list);
}

/* ---- Callers: each a process, which writes what it was answered ("ok", or "NAME\tMESSAGE") into a pipe ----
 */

typedef struct Caller {
        pid_t pid;
        int answers; /* to read from */
} Caller;

static void write_answer(int fd, int r, const sd_bus_error *e)
{
        g_autofree char *text = r >= 0 ? g_strdup("ok") : g_strdup_printf("%s\t%s", e->name, e->message);

        if (write(fd, text, strlen(text)) < 0)
                _exit(3);
}

/* In the child: on the bus when `peer` is -1. */
static void G_GNUC_NORETURN call_as(uid_t uid, int peer, const char *member, bool interactive, unsigned times,
                                    int out)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;
        sd_bus_message *m;
        sd_bus *bus;
        int r;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        r = sd_bus_new(&bus);
        if (uid != 0 &&
            (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(uid, uid, uid) < 0))
                _exit(2);
        if (r >= 0 && peer < 0)
                r = sd_bus_open_system(&bus);
        else if (r >= 0) {
                r = sd_bus_set_fd(bus, peer, peer);
                if (r >= 0)
                        r = sd_bus_start(bus);
        }
        for (unsigned i = 0; r >= 0 && i < times; i++) {
                sd_bus_message_new_method_call(bus, &m, peer < 0 ? CERT_BUS_NAME : NULL, CERT_BUS_PATH,
                                               CERT_INTERFACE_MANAGER, member);
                sd_bus_message_set_allow_interactive_authorization(m, interactive);
                if (i + 1 < times)
                        sd_bus_send(bus, m, NULL);
                else
                        write_answer(out, sd_bus_call(bus, m, 0, &e, NULL), &e);
        }
        sd_bus_flush(bus);
        _exit(0);
}

static Caller start_caller(uid_t uid, int peer, const char *member, bool interactive, unsigned times)
{
        int pipe_fds[2];
        Caller c;

        g_assert_cmpint(pipe(pipe_fds), ==, 0);
        c.pid = fork();
        g_assert_cmpint(c.pid, >=, 0);
        if (c.pid == 0)
                call_as(uid, peer, member, interactive, times, pipe_fds[1]);
        close(pipe_fds[1]);
        c.answers = pipe_fds[0];
        return c;
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        char text[2048];
        ssize_t n = read(fd, text, sizeof(text) - 1);

        g_assert_cmpint(n, >, 0);
        *(char **) userdata = g_strndup(text, (size_t) n);
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

/* Turns the loop until the caller was answered; the caller of this owns the text. */
static char *end_caller(Fixture *f, Caller c)
{
        int64_t until = g_get_monotonic_time() + 120 * G_USEC_PER_SEC;
        sd_event_source *source;
        char *answer = NULL;

        g_assert_cmpint(sd_event_add_io(f->event, &source, c.answers, EPOLLIN, on_answer, &answer), >=, 0);
        while (!answer) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                sd_event_run(f->event, 100000);
        }
        sd_event_source_unref(source);
        close(c.answers);
        g_assert_cmpint(waitpid(c.pid, NULL, 0), ==, c.pid);
        return answer;
}

static char *call(Fixture *f, uid_t uid, const char *member, bool interactive)
{
        return end_caller(f, start_caller(uid, -1, member, interactive, 1));
}

static void assert_permitted(Fixture *f, uid_t uid, const char *member, bool interactive)
{
        unsigned before = f->handled;
        g_autofree char *answer = call(f, uid, member, interactive);

        g_assert_cmpstr(answer, ==, "ok");
        g_assert_cmpuint(f->handled, ==, before + 1);
}

static void assert_refused(Fixture *f, uid_t uid, const char *member, const char *words)
{
        unsigned before = f->handled;
        g_autofree char *answer = call(f, uid, member, false);

        if (!g_str_has_prefix(answer, CERT_ERROR_PREFIX "NotAuthorized\t") || !strstr(answer, words) ||
            !strchr(answer, '\n'))
                g_error("\"%s\" is no refusal that says \"%s\"", answer, words);
        g_assert_cmpuint(f->handled, ==, before);
}

static bool may_change_user(void)
{
        if (geteuid() == 0)
                return true;
        g_test_skip("only root can be an ordinary user as well");
        return false;
}

/* ---- The table ---- */

static void test_the_table_holds_every_method(void)
{
        static const struct {
                const char *interface, *file;
        } interfaces[] = {
                { CERT_INTERFACE_MANAGER, "org.certagent1.Manager.xml" },
                { CERT_INTERFACE_CERTIFICATE, "org.certagent1.Certificate.xml" },
                { CERT_INTERFACE_JOB, "org.certagent1.Job.xml" },
        };
        g_autoptr(GRegex) regex = g_regex_new("<method name=\"([^\"]+)\"", 0, 0, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++) {
                g_autofree char *path =
                        g_test_build_filename(G_TEST_DIST, "..", "..", "dbus", interfaces[i].file, NULL);
                g_autofree char *xml = NULL;
                g_autoptr(GMatchInfo) match = NULL;
                unsigned n = 0;

                g_assert_true(g_file_get_contents(path, &xml, NULL, NULL));
                for (g_regex_match(regex, xml, 0, &match); g_match_info_matches(match);
                     g_match_info_next(match, NULL), n++) {
                        g_autofree char *member = g_match_info_fetch(match, 1);
                        const char *action;

                        if (!polkit_action_of(interfaces[i].interface, member, &action))
                                g_error("%s.%s is not in the table", interfaces[i].interface, member);
                }
                g_assert_cmpuint(n, >, 0);
        }
}

static void test_what_changes_something_is_never_open(void)
{
        const char *action = NULL;

        g_assert_true(polkit_action_of(CERT_INTERFACE_MANAGER, "Renew", &action));
        g_assert_cmpstr(action, ==, CERT_POLKIT_RENEW);
        g_assert_true(polkit_action_of(CERT_INTERFACE_MANAGER, "Reload", &action));
        g_assert_cmpstr(action, ==, CERT_POLKIT_MANAGE);
        g_assert_true(polkit_action_of(CERT_INTERFACE_MANAGER, "Import", &action));
        g_assert_cmpstr(action, ==, CERT_POLKIT_MANAGE);
        g_assert_true(polkit_action_of(CERT_INTERFACE_MANAGER, "GetRequest", &action));
        g_assert_cmpstr(action, ==, NULL);
        g_assert_true(polkit_action_of(CERT_INTERFACE_JOB, "Cancel", &action));
        g_assert_cmpstr(action, ==, CERT_POLKIT_RENEW);
        g_assert_true(polkit_action_of(CERT_INTERFACE_MANAGER, "Plan", &action));
        g_assert_cmpstr(action, ==, NULL);
        g_assert_false(polkit_action_of(CERT_INTERFACE_MANAGER, "Unheard", &action));
        g_assert_false(polkit_action_of("org.example", "Renew", &action));
        g_assert_false(polkit_action_of(NULL, NULL, &action));
}

/* ---- On the bus ---- */

static void test_root_needs_no_polkit(Fixture *f, gconstpointer data)
{
        g_autofree char *asked = NULL;

        if (!may_change_user())
                return;
        assert_permitted(f, 0, "RenewDue", false);
        asked = questions(f);
        g_assert_cmpstr(asked, ==, "");
}

static void test_reading_is_open_to_all(Fixture *f, gconstpointer data)
{
        g_autofree char *asked = NULL;

        if (!may_change_user())
                return;
        assert_permitted(f, NOBODY, "ListCertificates", false);
        asked = questions(f);
        g_assert_cmpstr(asked, ==, "");
}

static void test_polkit_says_yes(Fixture *f, gconstpointer data)
{
        g_autofree char *asked = NULL;

        if (!may_change_user())
                return;
        set_answer(f, "yes");
        assert_permitted(f, NOBODY, "RenewDue", false);
        assert_permitted(f, NOBODY, "Reload", true);
        asked = questions(f);
        g_assert_true(g_regex_match_simple(
                "^system-bus-name :1\\.\\d+ org\\.certagent1\\.renew 0 certificates=web\n"
                "system-bus-name :1\\.\\d+ org\\.certagent1\\.manage 1 certificates=web$",
                asked, 0, 0));
}

static void test_polkit_says_no(Fixture *f, gconstpointer data)
{
        if (!may_change_user())
                return;
        assert_refused(f, NOBODY, "RenewDue", "polkit says no");
        set_answer(f, "challenge");
        assert_refused(f, NOBODY, "RenewDue", "authenticate");
}

static void test_polkit_asks_only_where_it_may(Fixture *f, gconstpointer data)
{
        if (!may_change_user())
                return;
        set_answer(f, "ask");
        assert_refused(f, NOBODY, "RenewDue", "authenticate");
        assert_permitted(f, NOBODY, "RenewDue", true);
}

static void test_a_method_not_in_the_table(Fixture *f, gconstpointer data)
{
        if (!may_change_user())
                return;
        set_answer(f, "yes");
        assert_refused(f, NOBODY, "Unheard", "nobody may");
        assert_refused(f, 0, "Unheard", "nobody may");
}

static void test_it_fails_closed(Fixture *f, gconstpointer data)
{
        if (!may_change_user())
                return;
        set_answer(f, "error");
        assert_refused(f, NOBODY, "RenewDue", "gives no answer");
        set_answer(f, "garbage");
        assert_refused(f, NOBODY, "RenewDue", "makes no sense");
        sd_bus_message_unref(
                call_and_wait(f->control, POLKIT, POLKIT_PATH, "org.certagent1.Fake", "Leave", NULL));
        test_bus_wait_gone(POLKIT);
        assert_refused(f, NOBODY, "RenewDue", "gives no answer");
        assert_permitted(f, 0, "RenewDue", false);
        polkit_free(f->polkit);
        f->polkit = polkit_new(NULL);
        assert_refused(f, NOBODY, "RenewDue", "");
}

static void test_one_user_cannot_ask_without_end(Fixture *f, gconstpointer data)
{
        g_autofree char *answer = NULL;

        if (!may_change_user())
                return;
        set_answer(f, "hang");
        answer = end_caller(f, start_caller(NOBODY, -1, "RenewDue", false, 17));
        g_assert_true(g_str_has_prefix(answer, CERT_ERROR_PREFIX "Busy\t"));
        assert_permitted(f, 0, "RenewDue", false);
}

static void test_a_caller_that_has_gone(Fixture *f, gconstpointer data)
{
        Caller c;

        if (!may_change_user())
                return;
        set_answer(f, "hang");
        c = start_caller(NOBODY, -1, "RenewDue", false, 1);
        run_for(f->event, 300000);
        kill(c.pid, SIGKILL);
        g_assert_cmpint(waitpid(c.pid, NULL, 0), ==, c.pid);
        close(c.answers);
        /* polkit ends without an answer, and nothing is done for nobody */
        sd_bus_message_unref(
                call_and_wait(f->control, POLKIT, POLKIT_PATH, "org.certagent1.Fake", "Leave", NULL));
        run_for(f->event, 200000);
        g_assert_cmpuint(f->handled, ==, 0);
}

/* ---- On a peer connection ---- */

/* The kernel notes who connects; a socketpair would say that it was us. */
static char *peer_call(Fixture *f, uid_t uid, const char *member, pid_t *ret_pid)
{
        g_autofree char *path = g_build_filename(test_bus_folder(f->test_bus), "peer", NULL);
        g_autoptr(GError) error = NULL;
        int out[2], listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        sd_bus *server;
        Caller c;
        char *answer;

        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        unlink(path);
        g_assert_cmpint(bind(listener, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(chmod(path, 0666), ==, 0);
        g_assert_cmpint(listen(listener, 1), ==, 0);
        g_assert_cmpint(pipe(out), ==, 0);
        c.pid = fork();
        if (c.pid == 0) {
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                if (uid != 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
                                 setresuid(uid, uid, uid) < 0))
                        _exit(2);
                if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                        _exit(3);
                call_as(0, fd, member, false, 1, out[1]);
        }
        close(out[1]);
        c.answers = out[0];
        *ret_pid = c.pid;
        g_assert_true(peer_serve(f->event, accept4(listener, NULL, NULL, SOCK_CLOEXEC), CERT_BUS_NAME,
                                 &server, &error));
        g_assert_cmpint(
                sd_bus_add_object_vtable(server, NULL, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, vtable, f), >=,
                0);
        close(listener);
        answer = end_caller(f, c);
        sd_bus_flush_close_unref(server);
        return answer;
}

static void test_a_peer(Fixture *f, gconstpointer data)
{
        g_autofree char *by_root = NULL, *refused = NULL, *permitted = NULL, *asked = NULL, *wanted = NULL;
        pid_t pid;

        if (!may_change_user())
                return;
        by_root = peer_call(f, 0, "RenewDue", &pid);
        g_assert_cmpstr(by_root, ==, "ok");
        refused = peer_call(f, NOBODY, "RenewDue", &pid);
        g_assert_nonnull(strstr(refused, "polkit says no"));
        set_answer(f, "yes");
        permitted = peer_call(f, NOBODY, "RenewDue", &pid);
        g_assert_cmpstr(permitted, ==, "ok");
        g_assert_cmpuint(f->handled, ==, 2);
        asked = questions(f);
        wanted = g_strdup_printf("unix-process %d/[1-9]\\d*/%d org\\.certagent1\\.renew 0 certificates=web$",
                                 (int) pid, NOBODY);
        g_assert_true(g_regex_match_simple(wanted, asked, 0, 0));
}

#define ADD(name, function) g_test_add("/polkit/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/polkit/the table holds every method", test_the_table_holds_every_method);
        g_test_add_func("/polkit/what changes something is never open",
                        test_what_changes_something_is_never_open);
        ADD("root needs no polkit", test_root_needs_no_polkit);
        ADD("reading is open to all", test_reading_is_open_to_all);
        ADD("polkit says yes", test_polkit_says_yes);
        ADD("polkit says no", test_polkit_says_no);
        ADD("polkit asks only where it may", test_polkit_asks_only_where_it_may);
        ADD("a method not in the table", test_a_method_not_in_the_table);
        ADD("it fails closed", test_it_fails_closed);
        ADD("one user cannot ask without end", test_one_user_cannot_ask_without_end);
        ADD("a caller that has gone", test_a_caller_that_has_gone);
        ADD("a peer", test_a_peer);
        return g_test_run();
}

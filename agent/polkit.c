/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authorisation: who may call which method. Owns the table from method to polkit action and every question
 * that polkit has not answered yet. Nothing is cached: an answer serves one message, once. */

#include "agent/polkit.h"

#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define POLKIT_ALLOW_USER_INTERACTION 1u

#define ANSWER_TIMEOUT_USEC      (25 * USEC_PER_SEC)
#define INTERACTIVE_TIMEOUT_USEC (120 * USEC_PER_SEC)
#define QUESTIONS_PER_USER       16

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_creds, sd_bus_creds_unref)

/* ---- The table ---- */

typedef struct MethodEntry {
        const char *interface, *member;
        const char *action; /* NULL: reading status is open to all */
} MethodEntry;

static const MethodEntry methods[] = {
        { CERT_INTERFACE_MANAGER, "ListCertificates", NULL },
        { CERT_INTERFACE_MANAGER, "GetCertificate", NULL },
        { CERT_INTERFACE_MANAGER, "Plan", NULL },
        { CERT_INTERFACE_MANAGER, "GetBundle", NULL },
        { CERT_INTERFACE_MANAGER, "ListAuthorities", NULL },
        { CERT_INTERFACE_MANAGER, "GetAuthority", NULL },
        { CERT_INTERFACE_MANAGER, "ListBundles", NULL },
        { CERT_INTERFACE_MANAGER, "Diagnose", NULL },
        { CERT_INTERFACE_MANAGER, "SignRequest", CERT_POLKIT_SIGN },
        { CERT_INTERFACE_MANAGER, "ListIssued", NULL },
        { CERT_INTERFACE_MANAGER, "RevokeIssued", CERT_POLKIT_AUTHORITY },
        { CERT_INTERFACE_MANAGER, "RotateAuthority", CERT_POLKIT_AUTHORITY },
        { CERT_INTERFACE_MANAGER, "RecreateAuthority", CERT_POLKIT_AUTHORITY },
        { CERT_INTERFACE_MANAGER, "Revoke", CERT_POLKIT_AUTHORITY },
        { CERT_INTERFACE_CERTIFICATE, "Revoke", CERT_POLKIT_AUTHORITY },
        { CERT_INTERFACE_MANAGER, "Renew", CERT_POLKIT_RENEW },
        { CERT_INTERFACE_MANAGER, "RenewDue", CERT_POLKIT_RENEW },
        { CERT_INTERFACE_MANAGER, "Ensure", CERT_POLKIT_RENEW },
        { CERT_INTERFACE_MANAGER, "Reload", CERT_POLKIT_MANAGE },
        { CERT_INTERFACE_MANAGER, "GetRequest", NULL },
        { CERT_INTERFACE_MANAGER, "Import", CERT_POLKIT_MANAGE },
        { CERT_INTERFACE_CERTIFICATE, "Renew", CERT_POLKIT_RENEW },
        { CERT_INTERFACE_JOB, "Cancel", CERT_POLKIT_RENEW },
};

bool polkit_action_of(const char *interface, const char *member, const char **ret_action)
{
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (g_strcmp0(methods[i].interface, interface) == 0 &&
                    g_strcmp0(methods[i].member, member) == 0) {
                        *ret_action = methods[i].action;
                        return true;
                }
        return false;
}

/* ---- Questions ---- */

/* One message about which polkit was asked. */
typedef struct Question {
        Polkit *polkit;
        sd_bus_message *message;
        sd_bus_message_handler_t handler;
        void *userdata;
        const char *action;
        char *cancellation_id;
        uid_t uid; /* of the caller, as the kernel or the bus vouches for it */
        bool answered, authorized;
        GError *refusal;
        sd_bus_slot *slot;
} Question;

struct Polkit {
        sd_bus *bus;
        GHashTable *questions; /* sd_bus_message* -> Question*, owned */
        uint64_t last_id;
};

static void question_free(void *data)
{
        Question *q = data;

        if (!q)
                return;
        sd_bus_slot_unref(q->slot);
        sd_bus_message_unref(q->message);
        g_clear_error(&q->refusal);
        g_free(q->cancellation_id);
        g_free(q);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Question, question_free)

Polkit *polkit_new(sd_bus *system_bus)
{
        Polkit *p = g_new0(Polkit, 1);

        p->bus = sd_bus_ref(system_bus);
        p->questions = g_hash_table_new_full(NULL, NULL, NULL, question_free);
        return p;
}

Polkit *polkit_free(Polkit *p)
{
        if (!p)
                return NULL;
        g_hash_table_unref(p->questions);
        sd_bus_unref(p->bus);
        g_free(p);
        return NULL;
}

static unsigned questions_of(const Polkit *p, uid_t uid)
{
        GHashTableIter iter;
        unsigned n = 0;
        void *q;

        g_hash_table_iter_init(&iter, p->questions);
        while (g_hash_table_iter_next(&iter, NULL, &q))
                n += ((Question *) q)->uid == uid;
        return n;
}

/* ---- Callers ---- */

/* By the kind of connection, not by which one it is: the socket of a bus has the bus daemon, root maybe, at
 * its other end, and must never be taken for a peer's. */
static bool from_bus(sd_bus_message *m)
{
        return sd_bus_is_bus_client(sd_bus_message_get_bus(m)) != 0;
}

static bool bus_caller_uid(sd_bus_message *m, uid_t *ret_uid)
{
        const char *sender = sd_bus_message_get_sender(m);
        g_autoptr(sd_bus_creds) creds = NULL;

        /* Asked of the bus by name each time: a message from a caller that has gone has no credentials. */
        return sender &&
               sd_bus_get_name_creds(sd_bus_message_get_bus(m), sender, SD_BUS_CREDS_EUID, &creds) >= 0 &&
               sd_bus_creds_get_euid(creds, ret_uid) >= 0;
}

static bool peer_caller(sd_bus_message *m, struct ucred *ret_caller)
{
        socklen_t size = sizeof(*ret_caller);
        int fd = sd_bus_get_fd(sd_bus_message_get_bus(m));

        return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_caller, &size) == 0;
}

bool polkit_caller_uid(sd_bus_message *m, uid_t *ret_uid)
{
        struct ucred caller;

        if (from_bus(m))
                return bus_caller_uid(m, ret_uid);
        if (!peer_caller(m, &caller))
                return false;
        *ret_uid = caller.uid;
        return true;
}

/* Field 22 of /proc/PID/stat (proc(5)); the second may hold spaces and parentheses. */
static bool process_start_time(pid_t pid, uint64_t *ret_ticks)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int) pid);
        g_autofree char *text = NULL;
        const char *p;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return false;
        p = strrchr(text, ')');
        for (unsigned field = 2; p && field < 22; field++)
                p = strchr(p + 1, ' ');
        *ret_ticks = p ? g_ascii_strtoull(p + 1, NULL, 10) : 0;
        return *ret_ticks > 0;
}

/* The start time of the process that connected, and of no later one that got its number: what was read only
 * counts when a descriptor of that process says afterwards that it still runs. */
static bool peer_start_time(sd_bus_message *m, pid_t pid, uint64_t *ret_ticks)
{
        int fd = sd_bus_get_fd(sd_bus_message_get_bus(m)), pidfd = -1;
        socklen_t size = sizeof(pidfd);
        bool same;

        /* Before Linux 6.5 there is only the number; the caller's uid, which polkit judges, is sure even so.
         */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0)
                pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return false;
        same = process_start_time(pid, ret_ticks) &&
               poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 0) == 0;
        close(pidfd);
        return same;
}

/* ---- Asking ---- */

static int append_subject(sd_bus_message *request, sd_bus_message *m)
{
        struct ucred caller;
        uint64_t start;

        if (from_bus(m))
                return sd_bus_message_append(request, "(sa{sv})", "system-bus-name", 1, "name", "s",
                                             sd_bus_message_get_sender(m));
        if (!peer_caller(m, &caller) || !peer_start_time(m, caller.pid, &start))
                return -ESRCH;
        return sd_bus_message_append(request, "(sa{sv})", "unix-process", 3, "pid", "u",
                                     (uint32_t) caller.pid, "start-time", "t", start, "uid", "i",
                                     (int32_t) caller.uid);
}

static int append_details(sd_bus_message *request, const char *const *details)
{
        int r = sd_bus_message_open_container(request, 'a', "{ss}");

        for (; r >= 0 && details && details[0] && details[1]; details += 2)
                r = sd_bus_message_append(request, "{ss}", details[0], details[1]);
        return r < 0 ? r : sd_bus_message_close_container(request);
}

static int question_message(const Polkit *p, const Question *q, const char *const *details,
                            sd_bus_message **ret_request)
{
        bool interactive = sd_bus_message_get_allow_interactive_authorization(q->message) > 0;
        g_autoptr(sd_bus_message) request = NULL;
        int r = sd_bus_message_new_method_call(p->bus, &request, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                               "CheckAuthorization");

        if (r >= 0)
                r = append_subject(request, q->message);
        if (r >= 0)
                r = sd_bus_message_append(request, "s", q->action);
        if (r >= 0)
                r = append_details(request, details);
        if (r >= 0)
                r = sd_bus_message_append(request, "us", interactive ? POLKIT_ALLOW_USER_INTERACTION : 0u,
                                          q->cancellation_id);
        if (r < 0)
                return r;
        *ret_request = g_steal_pointer(&request);
        return 0;
}

/* When we no longer wait for the answer the user need not be asked for a password any longer. */
static void question_cancel(const Question *q)
{
        sd_bus_call_method_async(q->polkit->bus, NULL, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                 "CancelCheckAuthorization", NULL, NULL, "s", q->cancellation_id);
}

static void refuse(GError **error, const char *action, const char *why, const char *hint)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_AUTHORIZED, "not permitted: %s (%s)\n%s", why, action,
                    hint);
}

static void read_answer(Question *q, sd_bus_message *reply)
{
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        int authorized = false, challenge = false, r;

        if (e) {
                g_autofree char *why = g_strdup_printf("polkit gives no answer: %s", e->name);

                if (sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY))
                        question_cancel(q);
                refuse(&q->refusal, q->action, why,
                       "Run it as root, or see: systemctl status polkit.service");
                return;
        }
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r > 0)
                r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        q->authorized = r > 0 && authorized;
        if (q->authorized)
                return;
        if (r > 0 && challenge)
                refuse(&q->refusal, q->action,
                       "you would have to authenticate, and there is no way to ask you",
                       "Run it as root, or in a session with a polkit agent.");
        else
                refuse(&q->refusal, q->action, r > 0 ? "polkit says no" : "polkit's answer makes no sense",
                       "Run it as root, or have an administrator permit it by a polkit rule.");
}

/* As sd-bus does for a handler that it called itself. */
static void call_handler_again(const Question *q, sd_bus_message *m)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_message_rewind(m, true);

        if (r >= 0)
                r = q->handler(m, q->userdata, &e);
        if (sd_bus_error_is_set(&e))
                (void) sd_bus_reply_method_error(m, &e);
        else if (r < 0)
                (void) sd_bus_reply_method_errno(m, r, NULL);
        sd_bus_error_free(&e);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Question *q = userdata;
        Polkit *p = q->polkit;
        g_autoptr(sd_bus_message) m = sd_bus_message_ref(q->message);

        read_answer(q, reply);
        q->answered = true;
        call_handler_again(q, m);
        /* Normally the handler has taken the answer; if it did not ask again, no one may find it later. */
        g_hash_table_remove(p->questions, m);
        return 0;
}

static int question_ask(Polkit *p, Question *q, const char *const *details)
{
        bool interactive = sd_bus_message_get_allow_interactive_authorization(q->message) > 0;
        g_autoptr(sd_bus_message) request = NULL;
        int r = question_message(p, q, details, &request);

        return r < 0 ? r
                     : sd_bus_call_async(p->bus, &q->slot, request, on_answer, q,
                                         interactive ? INTERACTIVE_TIMEOUT_USEC : ANSWER_TIMEOUT_USEC);
}

/* ---- The check ---- */

/* A caller that has gone, or became another, is not the one about whom polkit was asked. */
static bool caller_is_still_there(const Question *q)
{
        uid_t uid;

        return sd_bus_is_open(sd_bus_message_get_bus(q->message)) > 0 && polkit_caller_uid(q->message, &uid) &&
               uid == q->uid;
}

static bool take_answer(const Question *q, GError **error)
{
        bool permitted = q->authorized;

        if (q->refusal)
                g_propagate_error(error, g_error_copy(q->refusal));
        else if (permitted && !caller_is_still_there(q)) {
                refuse(error, q->action, "the caller has gone", "Run it again.");
                permitted = false;
        }
        return permitted;
}

static bool start_question(Polkit *p, Question *q, const char *const *details, GError **error)
{
        int r;

        if (questions_of(p, q->uid) >= QUESTIONS_PER_USER) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BUSY,
                            "%d questions about user %u already wait for polkit's answer\n"
                            "Answer or cancel them first.",
                            QUESTIONS_PER_USER, (unsigned) q->uid);
                return false;
        }
        q->cancellation_id = g_strdup_printf("cert-agent-%" G_GUINT64_FORMAT, ++p->last_id);
        r = question_ask(p, q, details);
        if (r < 0) {
                g_autofree char *why = g_strdup_printf("polkit cannot be asked: %s", g_strerror(-r));

                refuse(error, q->action, why, "Run it as root.");
                return false;
        }
        return true;
}

static Question *question_new(Polkit *p, sd_bus_message *m, sd_bus_message_handler_t handler, void *userdata,
                              const char *action, uid_t uid)
{
        Question *q = g_new0(Question, 1);

        *q = (Question){ .polkit = p,
                         .message = sd_bus_message_ref(m),
                         .handler = handler,
                         .userdata = userdata,
                         .action = action,
                         .uid = uid };
        return q;
}

/* The first time a message is seen: decided here, or polkit is asked. 1, 0 or, with an error, -1. */
static int check_new(Polkit *p, sd_bus_message *m, sd_bus_message_handler_t handler, void *userdata,
                     const char *const *details, GError **error)
{
        const char *member = sd_bus_message_get_member(m), *action = NULL;
        g_autoptr(Question) q = NULL;
        uid_t uid;

        if (!polkit_action_of(sd_bus_message_get_interface(m), member, &action)) {
                refuse(error, member ?: "?", "nobody may call this method", "See org.certagent1(5).");
                return -1;
        }
        if (!action)
                return 1;
        if (!polkit_caller_uid(m, &uid)) {
                refuse(error, action, "it cannot be told who calls", "Run it again, as root.");
                return -1;
        }
        if (uid == 0)
                return 1;
        if (!p->bus || (from_bus(m) && sd_bus_message_get_bus(m) != p->bus)) {
                refuse(error, action, "there is no system bus, so polkit cannot be asked", "Run it as root.");
                return -1;
        }
        q = question_new(p, m, handler, userdata, action, uid);
        if (!start_question(p, q, details, error))
                return -1;
        g_hash_table_insert(p->questions, q->message, q);
        q = NULL;
        return 0;
}

int polkit_check(Polkit *p, sd_bus_message *m, sd_bus_message_handler_t handler, void *userdata,
                 const char *const *details, sd_bus_error *ret_error)
{
        Question *asked = g_hash_table_lookup(p->questions, m);
        g_autoptr(GError) error = NULL;
        int r;

        if (asked && !asked->answered)
                return 0;
        if (asked) {
                r = take_answer(asked, &error) ? 1 : -1;
                /* An answer counts once. The question itself goes when on_answer() is done with it. */
                asked->authorized = false;
                if (!asked->refusal)
                        refuse(&asked->refusal, asked->action, "already used", "Run it again.");
        } else
                r = check_new(p, m, handler, userdata, details, &error);
        return r < 0 ? cert_error_to_bus(error, ret_error) : r;
}

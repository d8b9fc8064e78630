/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The keyholder's callers. It owns a line for each issuer: the connection, the call that is on it with its
 * deadline, and the calls that wait. What hangs or dies ends its own line's connection and nothing else; no
 * secret passes through here, only the names of files and the key as the CA hands it to everybody who asks.
 */

#include "agent/keyholder.h"

#include "agent/worker-bus.h"
#include "agent/worker.h"
#include "common/error.h"
#include "common/names.h"

#include <string.h>

#define PROGRAM        CERT_PROGRAM_DIR "/cert-keyholder"
#define IDLE_USEC      (10 * USEC_PER_SEC)
#define CALL_BYTES_MAX (2 * 1024 * 1024) /* an account with a chain of 16 certificates of 64 KiB */
#define IDLE_BYTES_MAX (64 * 1024)
#define SEE_LOG        "See: journalctl -u 'cert-keyholder@*'"

/* One issuer's calls. */
typedef struct Line {
        Keyholder *keyholder;
        WorkerBus *bus;
        pid_t worker; /* 0 when PID 1 started it */
        char *credential; /* that was in force when it was started; NULL: none */
        KeyholderCall *call;
        GQueue waiting;         /* KeyholderCall* */
        sd_event_source *timer; /* a call's deadline, or until when an idle connection is kept */
        char *hung;             /* the source that hung last; NULL: none */
        uint64_t hung_until;    /* CLOCK_MONOTONIC */
} Line;

struct Keyholder {
        sd_event *event;
        sd_event_source *turn; /* puts waiting calls on their connections */
        GHashTable *lines;     /* issuer's name -> Line* */
};

struct KeyholderCall {
        Line *line;
        char *issuer; /* its name */
        ManifestAccount account;
        char *encrypted_key;
        char *algorithm; /* of Sign; NULL with Open */
        GBytes *data;
        sd_bus_slot *reply;
        KeyholderDone done;
        void *userdata;
};

/* ---- Connections ---- */

static void line_close(Line *l)
{
        (void) sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        l->bus = worker_bus_free(l->bus);
        worker_end_later(l->keyholder->event, l->worker);
        l->worker = 0;
        g_clear_pointer(&l->credential, g_free);
}

static bool line_set_timer(Line *l, uint64_t usec)
{
        return sd_event_source_set_time_relative(l->timer, usec) >= 0 &&
               sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT) >= 0;
}

static void line_rest(Line *l)
{
        worker_bus_allow(l->bus, IDLE_BYTES_MAX);
        if (!line_set_timer(l, IDLE_USEC))
                line_close(l);
}

/* ---- The end of a call ---- */

static void call_free(KeyholderCall *c)
{
        sd_bus_slot_unref(c->reply);
        g_free(c->issuer);
        g_free(c->account.password_file);
        g_free(c->account.password_credential);
        g_free(c->account.key_file);
        g_free(c->account.certificate_file);
        g_free(c->encrypted_key);
        g_free(c->algorithm);
        g_clear_pointer(&c->data, g_bytes_unref);
        g_free(c);
}

/* Takes a call off its connection or out of its line. A connection on which a call was not answered is
 * closed: nobody knows what would come on it. */
static void call_detach(KeyholderCall *c, bool answered)
{
        Line *l = c->line;

        if (l->call == c) {
                l->call = NULL;
                c->reply = sd_bus_slot_unref(c->reply);
                if (answered)
                        line_rest(l);
                else
                        line_close(l);
        } else {
                g_queue_remove(&l->waiting, c);
        }
        (void) sd_event_source_set_enabled(l->keyholder->turn, SD_EVENT_ONESHOT);
}

static void call_end(KeyholderCall *c, sd_bus_message *reply, const GError *error, bool answered)
{
        call_detach(c, answered);
        c->done(reply, error, c->userdata);
        call_free(c);
}

G_GNUC_PRINTF(2, 3)
static void call_fail(KeyholderCall *c, const char *format, ...)
{
        g_autoptr(GError) error = NULL;
        va_list arguments;

        va_start(arguments, format);
        error = g_error_new_valist(CERT_ERROR, CERT_ERROR_KEY_STORAGE, format, arguments);
        va_end(arguments);
        call_end(c, NULL, error, /* answered= */ false);
}

static void call_cut_off(KeyholderCall *c)
{
        call_fail(c, "the keyholder ended while it had the key of the account of issuer \"%s\"\n" SEE_LOG,
                  c->issuer);
}

KeyholderCall *keyholder_call_discard(KeyholderCall *c)
{
        if (c) {
                call_detach(c, /* answered= */ false);
                call_free(c);
        }
        return NULL;
}

/* ---- Files that hang ---- */

/* The files of a source: "the password file /a", "the files /b, /c and /a". Caller owns; NULL where there are
 * none. */
static char *account_files(const ManifestAccount *a)
{
        if (a->key_file)
                return g_strdup_printf("one of the files %s, %s%s%s", a->key_file, a->certificate_file,
                                       a->password_file ? ", " : "", a->password_file ?: "");
        return a->password_file ? g_strdup_printf("the password file %s", a->password_file) : NULL;
}

/* Those of one issuer are told apart by this: what hangs is not asked again, but another file may be. Caller
 * owns. */
static char *account_source(const ManifestAccount *a)
{
        return g_strjoin("\n", a->password_file ?: "", a->password_credential ?: "", a->key_file ?: "",
                         a->certificate_file ?: "", NULL);
}

static void call_fail_hung(KeyholderCall *c)
{
        g_autofree char *span = timespan_format(KEYHOLDER_TIMEOUT), *files = account_files(&c->account);

        if (files)
                call_fail(c,
                          "%s of issuer \"%s\" did not answer within %s\nIs its share mounted, and does its "
                          "server "
                          "answer? A password may also be a systemd credential: \"password_credential\".",
                          files, c->issuer, span);
        else
                call_fail(c, "the keyholder did not open the account of issuer \"%s\" within %s\n" SEE_LOG,
                          c->issuer, span);
}

static bool call_would_hang(const KeyholderCall *c)
{
        g_autofree char *source = account_source(&c->account);
        uint64_t now;

        return g_strcmp0(c->line->hung, source) == 0 &&
               sd_event_now(c->line->keyholder->event, CLOCK_MONOTONIC, &now) >= 0 &&
               now < c->line->hung_until;
}

/* Those that wait would wait for the same file; their turn tells them so. */
static void line_hang(Line *l)
{
        uint64_t now = 0;

        g_free(l->hung);
        l->hung = account_source(&l->call->account);
        (void) sd_event_now(l->keyholder->event, CLOCK_MONOTONIC, &now);
        l->hung_until = now + KEYHOLDER_TIMEOUT;
        call_fail_hung(l->call);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        Line *l = userdata;

        if (l->call)
                line_hang(l);
        else
                line_close(l);
        return 0;
}

/* ---- What happens while a call is under way ---- */

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        KeyholderCall *c = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);
        g_autoptr(GError) error = NULL;

        /* When the connection ends, sd-bus answers in the other side's place. */
        if (sd_bus_is_open(worker_bus_get(c->line->bus)) <= 0) {
                call_cut_off(c);
                return 0;
        }
        g_clear_pointer(&c->line->hung, g_free);
        if (e)
                cert_error_set_from_bus(&error, e, 0, CERT_ERROR_KEY_STORAGE,
                                        cert_error_from_name(e->name) >= 0 ? NULL : "the keyholder");
        /* A credential comes with the start of a process: one that lacks it will not get it any more. */
        call_end(c, e ? NULL : m, error, /* answered= */ !e || !c->account.password_credential);
        return 0;
}

static void on_ended(WorkerBus *b, bool flooded, void *userdata)
{
        Line *l = userdata;

        if (l->call && flooded)
                call_fail(l->call,
                          "the keyholder sent more than any answer may hold for issuer \"%s\"\n"
                          "The program cert-keyholder is at fault. " SEE_LOG,
                          l->call->issuer);
        else if (l->call)
                call_cut_off(l->call);
        else
                line_close(l);
}

/* ---- Calling ---- */

static int append_source(sd_bus_message *m, const KeyholderCall *c)
{
        const ManifestAccount *a = &c->account;
        const struct {
                const char *key, *value;
        } entries[] = {
                { "PasswordFile", a->password_file },
                { "Credential", a->password_credential },
                { "EncryptedKey", *c->encrypted_key ? c->encrypted_key : NULL },
                { "KeyFile", a->key_file },
                { "CertificateFile", a->certificate_file },
        };
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(entries); i++)
                if (entries[i].value)
                        r = sd_bus_message_append(m, "{sv}", entries[i].key, "s", entries[i].value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int call_send(KeyholderCall *c, sd_bus *bus)
{
        sd_bus_message *m = NULL;
        size_t size = 0;
        const void *data = c->data ? g_bytes_get_data(c->data, &size) : NULL;
        int r = sd_bus_message_new_method_call(bus, &m, NULL, CERT_BUS_KEYHOLDER_PATH,
                                               CERT_INTERFACE_KEYHOLDER, c->algorithm ? "Sign" : "Open");

        if (r >= 0)
                r = append_source(m, c);
        if (r >= 0 && c->algorithm)
                r = sd_bus_message_append(m, "s", c->algorithm);
        if (r >= 0 && c->algorithm)
                r = sd_bus_message_append_array(m, 'y', data, size);
        if (r >= 0) /* the deadline is ours, and covers the connection as well */
                r = sd_bus_call_async(bus, &c->reply, m, on_reply, c, UINT64_MAX);
        sd_bus_message_unref(m);
        return r;
}

/* To a process that can have the credential: one that was started before the manifest named it may be older than the
 * drop-in that gives it. */
static bool line_connect(Line *l, const ManifestAccount *a, GError **error)
{
        int fd;

        if (l->bus && a->password_credential && g_strcmp0(l->credential, a->password_credential) != 0)
                line_close(l);
        if (l->bus)
                return true;
        g_free(l->credential);
        l->credential = g_strdup(a->password_credential);
        if (worker_open(CERT_SOCKET_KEYHOLDER, PROGRAM, &fd, &l->worker, error))
                l->bus = worker_bus_new(l->keyholder->event, fd, on_ended, l, error);
        if (!l->bus)
                line_close(l); /* and the process, if it was started */
        return l->bus != NULL;
}

/* The first that waits, on the line's connection; it fails there and then when it cannot be sent. */
static void line_take_turn(Line *l)
{
        g_autoptr(GError) error = NULL;
        KeyholderCall *c;
        int r;

        if (l->call || g_queue_is_empty(&l->waiting))
                return;
        c = g_queue_peek_head(&l->waiting);
        if (call_would_hang(c)) {
                call_fail_hung(c);
                return;
        }
        if (!line_connect(l, &c->account, &error)) {
                /* one that dies at once may do so before the first word to it */
                call_fail(c, "opening the account of issuer \"%s\": %s%s", c->issuer, error->message,
                          strchr(error->message, '\n') ? "" : "\n" SEE_LOG);
                return;
        }
        l->call = g_queue_pop_head(&l->waiting);
        worker_bus_allow(l->bus, CALL_BYTES_MAX);
        r = line_set_timer(l, KEYHOLDER_TIMEOUT) ? call_send(c, worker_bus_get(l->bus)) : -ENOMEM;
        if (r < 0)
                call_fail(c, "asking the keyholder for the account of issuer \"%s\": %s\n" SEE_LOG, c->issuer,
                          g_strerror(-r));
}

/* One call for each line, then again from the loop: calls are added and discarded by callbacks. */
static int on_turn(sd_event_source *s, void *userdata)
{
        Keyholder *k = userdata;
        g_autoptr(GPtrArray) lines = g_ptr_array_new();
        GHashTableIter iter;
        gpointer l;

        g_hash_table_iter_init(&iter, k->lines);
        while (g_hash_table_iter_next(&iter, NULL, &l))
                if (!((Line *) l)->call && !g_queue_is_empty(&((Line *) l)->waiting))
                        g_ptr_array_add(lines, l);
        for (guint i = 0; i < lines->len; i++)
                line_take_turn(lines->pdata[i]);
        if (lines->len > 0)
                (void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return 0;
}

/* ---- Lines ---- */

static void line_free(void *p)
{
        Line *l = p;

        if (l->call)
                keyholder_call_discard(l->call);
        while (!g_queue_is_empty(&l->waiting))
                keyholder_call_discard(g_queue_peek_head(&l->waiting));
        line_close(l);
        sd_event_source_disable_unref(l->timer);
        g_free(l->hung);
        g_free(l->credential);
        g_free(l);
}

static Line *keyholder_line(Keyholder *k, const char *issuer)
{
        Line *l = g_hash_table_lookup(k->lines, issuer);
        int r;

        if (l)
                return l;
        l = g_new0(Line, 1);
        l->keyholder = k;
        g_queue_init(&l->waiting);
        r = sd_event_add_time_relative(k->event, &l->timer, CLOCK_MONOTONIC, 0, 0, on_timer, l);
        if (r < 0)
                g_error("adding a timer: %s", g_strerror(-r)); /* out of memory, as GLib treats it */
        (void) sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        g_hash_table_insert(k->lines, g_strdup(issuer), l);
        return l;
}

static KeyholderCall *call_new(Keyholder *k, const ManifestIssuer *issuer, const char *encrypted_key,
                               KeyholderDone done, void *userdata)
{
        const ManifestAccount *a = &issuer->account;
        KeyholderCall *c = g_new0(KeyholderCall, 1);

        c->line = keyholder_line(k, issuer->name);
        c->issuer = g_strdup(issuer->name);
        c->account = (ManifestAccount){ .password_file = g_strdup(a->password_file),
                                        .password_credential = g_strdup(a->password_credential),
                                        .key_file = g_strdup(a->key_file),
                                        .certificate_file = g_strdup(a->certificate_file) };
        c->encrypted_key = g_strdup(encrypted_key);
        c->done = done;
        c->userdata = userdata;
        g_queue_push_tail(&c->line->waiting, c);
        (void) sd_event_source_set_enabled(k->turn, SD_EVENT_ONESHOT);
        return c;
}

KeyholderCall *keyholder_open(Keyholder *k, const ManifestIssuer *issuer, const char *encrypted_key,
                              KeyholderDone done, void *userdata)
{
        return call_new(k, issuer, encrypted_key, done, userdata);
}

KeyholderCall *keyholder_sign(Keyholder *k, const ManifestIssuer *issuer, const char *encrypted_key,
                              const char *algorithm, GBytes *data, KeyholderDone done, void *userdata)
{
        KeyholderCall *c = call_new(k, issuer, encrypted_key, done, userdata);

        c->algorithm = g_strdup(algorithm);
        c->data = g_bytes_ref(data);
        return c;
}

/* ---- The keyholder ---- */

Keyholder *keyholder_new(sd_event *event)
{
        Keyholder *k = g_new0(Keyholder, 1);
        int r;

        k->event = sd_event_ref(event);
        k->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, line_free);
        r = sd_event_add_defer(event, &k->turn, on_turn, k);
        if (r < 0) {
                keyholder_free(k);
                errno = -r;
                return NULL;
        }
        (void) sd_event_source_set_enabled(k->turn, SD_EVENT_OFF);
        return k;
}

Keyholder *keyholder_free(Keyholder *k)
{
        if (!k)
                return NULL;
        g_hash_table_unref(k->lines);
        sd_event_source_disable_unref(k->turn);
        sd_event_unref(k->event);
        g_free(k);
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pool of issuer processes. For each type it owns one line of waiting calls for each issuer, and their
 * connections; a call owns its deadline. Whatever ends a connection ends the call on it, and nothing else;
 * but a CA that could not be reached is not asked again for each call that waits for it. */

#include "agent/issuer.h"

#include "agent/issuer-config.h"
#include "agent/issuer-connection.h"
#include "agent/worker.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#define IDLE_USEC (10 * USEC_PER_SEC)

typedef struct IssuerType {
        IssuerPool *pool;
        char *name;
        unsigned slots_max; /* of all lines */
        GPtrArray *slots;   /* Slot* */
        GHashTable *lines;  /* issuer's name -> Line* */
} IssuerType;

/* One issuer's calls. */
typedef struct Line {
        IssuerType *type;
        GQueue waiting; /* IssuerCall* */
        unsigned under_way;
} Line;

/* One connection, of one issuer: what its process keeps of a CA, or was told by it, is nobody else's. */
typedef struct Slot {
        IssuerType *type;
        Line *line;
        IssuerConnection *connection;
        pid_t worker; /* 0 when PID 1 started it */
        IssuerCall *call;
        sd_event_source *idle;
} Slot;

struct IssuerPool {
        sd_event *event;
        Offload *offload;
        Keyholder *keyholder;
        sd_event_source *turn; /* hands connections to waiting calls */
        GHashTable *types;     /* name -> IssuerType* */
        unsigned active;
};

struct IssuerCall {
        Line *line;
        const ManifestIssuer *issuer;
        const char *interface, *member; /* static */
        IssuerFill fill;
        SignerKeys keys;
        bool has_keys;
        bool endless; /* no deadline */
        GError *doom; /* what it will fail with when its turn comes; NULL: it will be tried */
        IssuerReply done;
        void *userdata;
        Slot *slot; /* NULL while it waits */
        sd_bus_slot *reply;
        sd_event_source *deadline;
};

/* ---- Connections ---- */

static void slot_free(void *p)
{
        Slot *s = p;

        issuer_connection_free(s->connection);
        sd_event_source_disable_unref(s->idle);
        worker_end(s->worker);
        g_free(s);
}

static void slot_close(Slot *s)
{
        g_ptr_array_remove_fast(s->type->slots, s);
}

static int on_idle(sd_event_source *s, uint64_t usec, void *userdata)
{
        slot_close(userdata);
        return 0;
}

static void slot_rest(Slot *s)
{
        issuer_connection_end(s->connection);
        if (sd_event_source_set_time_relative(s->idle, IDLE_USEC) < 0 ||
            sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT) < 0)
                slot_close(s);
}

/* ---- The end of a call ---- */

static void call_free(IssuerCall *c)
{
        sd_bus_slot_unref(c->reply);
        sd_event_source_disable_unref(c->deadline);
        key_unref(c->keys.new_key);
        g_clear_pointer(&c->keys.current_pem, g_bytes_unref);
        g_clear_error(&c->doom);
        g_free(c);
}

/* Takes a call out of its line and off its connection. A connection on which the call was not answered is
 * closed: nobody knows what would come on it. */
static void call_detach(IssuerCall *c, bool answered)
{
        IssuerPool *p = c->line->type->pool;
        Slot *slot = c->slot;

        if (slot) {
                c->line->under_way--;
                c->reply = sd_bus_slot_unref(c->reply);
                slot->call = NULL;
                c->slot = NULL;
                if (answered)
                        slot_rest(slot);
                else
                        slot_close(slot);
        } else {
                g_queue_remove(&c->line->waiting, c);
        }
        p->active--;
        (void) sd_event_source_set_enabled(p->turn, SD_EVENT_ONESHOT);
}

/* The same would happen to the calls of that issuer which still wait: they fail with it, in their turn, which
 * comes at once. Those under way go on. */
static void line_doom(Line *l, const GError *error)
{
        CertError code = cert_error_code(error);

        if (code != CERT_ERROR_ISSUER_UNREACHABLE && code != CERT_ERROR_ISSUER_TIMEOUT)
                return;
        for (GList *i = l->waiting.head; i; i = i->next) {
                IssuerCall *waiting = i->data;

                if (!waiting->doom && !waiting->endless)
                        waiting->doom = g_error_copy(error);
        }
}

static void call_end(IssuerCall *c, sd_bus_message *reply, const GError *error, bool answered)
{
        bool tried = !c->doom;

        call_detach(c, answered);
        if (error && tried)
                line_doom(c->line, error);
        c->done(reply, error, c->userdata);
        call_free(c);
}

static void call_answer(IssuerCall *c, sd_bus_message *reply, const GError *error)
{
        call_end(c, reply, error, /* answered= */ true);
}

G_GNUC_PRINTF(3, 4)
static void call_fail(IssuerCall *c, CertError code, const char *format, ...)
{
        g_autoptr(GError) error = NULL;
        va_list arguments;

        va_start(arguments, format);
        error = g_error_new_valist(CERT_ERROR, code, format, arguments);
        va_end(arguments);
        call_end(c, NULL, error, /* answered= */ false);
}

static void call_cut_off(IssuerCall *c)
{
        call_fail(c, CERT_ERROR_ISSUER_PROTOCOL,
                  "issuer \"%s\": its process ended in the middle of a request (%s)\n"
                  "Look at its own log: journalctl -u 'cert-issuer-%s*'",
                  c->issuer->name, c->member, c->issuer->type);
}

IssuerCall *issuer_call_discard(IssuerCall *c)
{
        if (c) {
                call_detach(c, /* answered= */ false);
                call_free(c);
        }
        return NULL;
}

/* ---- What happens while a call is under way ---- */

/* What it replied with; a method that its process has not is what this type of issuer does not do. */
static GError *refusal_of(const IssuerCall *c, const sd_bus_error *e)
{
        g_autofree char *what = g_strdup_printf("issuer \"%s\"", c->issuer->name);
        GError *error = NULL;

        if (sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_METHOD))
                return g_error_new(CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                                   "issuer \"%s\": its type \"%s\" does not know %s\n"
                                   "Ask the operator of the CA to do it there.",
                                   c->issuer->name, c->issuer->type, c->member);
        cert_error_set_from_bus(&error, e, 0, CERT_ERROR_ISSUER_PROTOCOL, what);
        return error;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        IssuerCall *c = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        /* When the connection ends, sd-bus answers in the other side's place. */
        if (sd_bus_is_open(issuer_connection_bus(c->slot->connection)) <= 0) {
                call_cut_off(c);
        } else if (e) {
                g_autoptr(GError) error = refusal_of(c, e);

                call_answer(c, NULL, error);
        } else {
                call_answer(c, m, NULL);
        }
        return 0;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
        IssuerCall *c = userdata;
        g_autofree char *span = timespan_format(issuer_config_timeout(c->issuer));

        call_fail(
                c, CERT_ERROR_ISSUER_TIMEOUT,
                "issuer \"%s\" did not answer (%s) within %s\nCheck that it can be reached and see its log: "
                "journalctl -u 'cert-issuer-%s*'; the agent tries again by itself.",
                c->issuer->name, c->member, span, c->issuer->type);
        return 0;
}

static void on_ended(IssuerConnection *connection, bool flooded, void *userdata)
{
        Slot *s = userdata;

        if (s->call && flooded)
                call_fail(s->call, CERT_ERROR_ISSUER_PROTOCOL,
                          "issuer \"%s\" sent more than any answer may hold (%s)\n"
                          "The program cert-issuer-%s is at fault; see: journalctl -u 'cert-issuer-%s*'",
                          s->call->issuer->name, s->call->member, s->call->issuer->type,
                          s->call->issuer->type);
        else if (s->call)
                call_cut_off(s->call);
        else
                slot_close(s);
}

/* ---- Making connections ---- */

static bool connect_issuer(IssuerType *t, int *ret_fd, pid_t *ret_worker, GError **error)
{
        g_autofree char *path = g_strdup_printf(CERT_SOCKET_ISSUER_DIR "/%s", t->name);
        g_autofree char *program = g_strdup_printf(CERT_PROGRAM_DIR "/cert-issuer-%s", t->name);

        if (!issuer_config_type_is_valid(t->name)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                            "no issuer program can be of type \"%s\"\nCorrect \"type\" in the manifest.",
                            t->name);
                return false;
        }
        return worker_open(path, program, ret_fd, ret_worker, error);
}

static Slot *slot_new(Line *l, GError **error)
{
        IssuerType *t = l->type;
        Slot *s = g_new0(Slot, 1);
        int fd, r = 0;

        s->type = t;
        s->line = l;
        if (connect_issuer(t, &fd, &s->worker, error))
                s->connection =
                        issuer_connection_new(t->pool->event, fd, t->pool->offload, on_ended, s, error);
        if (s->connection)
                r = sd_event_add_time_relative(t->pool->event, &s->idle, CLOCK_MONOTONIC, 0, 0, on_idle, s);
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "a timer: %s", g_strerror(-r));
        if (!s->connection || r < 0) {
                slot_free(s);
                return NULL;
        }
        (void) sd_event_source_set_enabled(s->idle, SD_EVENT_OFF);
        g_ptr_array_add(t->slots, s);
        return s;
}

/* ---- Turns ---- */

/* One that has no call: of this line, or of any. */
static Slot *type_free_slot(IssuerType *t, const Line *l)
{
        for (guint i = 0; i < t->slots->len; i++) {
                Slot *s = t->slots->pdata[i];

                if (!s->call && (!l || s->line == l))
                        return s;
        }
        return NULL;
}

/* Counts what is under way, and the lines other than `l` of which nothing is. */
static unsigned type_count(IssuerType *t, const Line *l, unsigned *ret_others)
{
        GHashTableIter iter;
        unsigned under_way = 0;
        gpointer p;

        *ret_others = 0;
        g_hash_table_iter_init(&iter, t->lines);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                under_way += ((Line *) p)->under_way;
                *ret_others += p != l && ((Line *) p)->under_way == 0;
        }
        return under_way;
}

/* Whether the first that waits may go. Of what all issuers of a type share the last ones are for those which
 * have none, so that one with many calls that hang does not use up all. */
static bool line_may_go(const Line *l)
{
        const IssuerCall *c = g_queue_peek_head((GQueue *) &l->waiting);
        unsigned others, under_way;

        if (!c)
                return false;
        if (c->doom)
                return true;
        if (l->under_way >= issuer_config_connections(c->issuer))
                return false;
        under_way = type_count(l->type, l, &others);
        return l->under_way == 0 || !issuer_config_is_network(l->type->name)
                       ? under_way < l->type->slots_max
                       : under_way + others < l->type->slots_max;
}

/* Of the issuers with calls that may go the one with the fewest under way. */
static Line *type_next_line(IssuerType *t)
{
        GHashTableIter iter;
        gpointer p;
        Line *next = NULL;

        g_hash_table_iter_init(&iter, t->lines);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                Line *l = p;

                if (line_may_go(l) && (!next || l->under_way < next->under_way))
                        next = l;
        }
        return next;
}

static int call_send(IssuerCall *c, sd_bus *bus, const char *config)
{
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, NULL, CERT_BUS_ISSUER_PATH, c->interface, c->member);

        if (r >= 0)
                r = sd_bus_message_append(m, "s", config);
        if (r >= 0 && c->fill)
                r = c->fill(m, c->userdata);
        if (r >= 0) /* the deadline is ours, and covers the connection as well */
                r = sd_bus_call_async(bus, &c->reply, m, on_reply, c, UINT64_MAX);
        sd_bus_message_unref(m);
        return r;
}

static void call_dispatch(IssuerCall *c)
{
        g_autofree char *config = NULL;
        g_autoptr(GError) error = NULL;
        int r;

        config = issuer_config_text(c->issuer, &error);
        if (!config) {
                call_fail(c, error->code, "%s", error->message);
                return;
        }
        r = call_send(c, issuer_connection_bus(c->slot->connection), config);
        if (r < 0)
                call_fail(c, CERT_ERROR_ISSUER_PROTOCOL, "asking issuer \"%s\" (%s): %s", c->issuer->name,
                          c->member, g_strerror(-r));
}

/* Puts a waiting call on a connection. It fails there and then when it cannot be sent. */
static void call_begin(IssuerCall *c, Slot *slot)
{
        int r = 0;

        g_queue_remove(&c->line->waiting, c);
        c->line->under_way++;
        c->slot = slot;
        slot->call = c;
        (void) sd_event_source_set_enabled(slot->idle, SD_EVENT_OFF);
        issuer_connection_begin(slot->connection, c->has_keys ? &c->keys : NULL);
        if (!c->endless)
                r = sd_event_add_time_relative(slot->type->pool->event, &c->deadline, CLOCK_MONOTONIC,
                                               issuer_config_timeout(c->issuer), 0, on_deadline, c);
        if (r < 0)
                call_fail(c, CERT_ERROR_ISSUER_PROTOCOL, "asking issuer \"%s\" (%s): %s", c->issuer->name,
                          c->member, g_strerror(-r));
        else
                call_dispatch(c);
}

/* A connection for a line that may go: its own idle one, or a new one, for which another's idle one makes
 * room. */
static Slot *line_slot(Line *l, GError **error)
{
        IssuerType *t = l->type;
        Slot *slot = type_free_slot(t, l);

        if (slot)
                return slot;
        slot = t->slots->len >= t->slots_max ? type_free_slot(t, NULL) : NULL;
        if (slot)
                slot_close(slot);
        return slot_new(l, error);
}

/* One waiting call of a type gets a connection, or fails for want of one; false when none may go. Callbacks
 * run in here, so that nothing is kept across it. */
static bool type_take_turn(IssuerType *t)
{
        Line *line = type_next_line(t);
        g_autoptr(GError) error = NULL;
        IssuerCall *c;
        Slot *slot;

        if (!line)
                return false;
        c = g_queue_peek_head(&line->waiting);
        if (c->doom) {
                error = g_error_copy(c->doom);
                call_end(c, NULL, error, /* answered= */ false);
                return true;
        }
        slot = line_slot(line, &error);
        if (slot)
                call_begin(c, slot);
        else
                call_fail(c, error->code, "issuer \"%s\": %s", c->issuer->name, error->message);
        return true;
}

static int on_turn(sd_event_source *s, void *userdata)
{
        IssuerPool *p = userdata;
        GHashTableIter iter;
        gpointer t;

        /* One call for each type, then again from the loop: types are added and calls discarded by callbacks.
         */
        g_autoptr(GPtrArray) types = g_ptr_array_new();

        g_hash_table_iter_init(&iter, p->types);
        while (g_hash_table_iter_next(&iter, NULL, &t))
                g_ptr_array_add(types, t);
        for (guint i = 0; i < types->len; i++)
                if (type_take_turn(types->pdata[i]))
                        (void) sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return 0;
}

/* ---- The pool ---- */

static void type_free(void *p)
{
        IssuerType *t = p;

        g_ptr_array_unref(t->slots);
        g_hash_table_unref(t->lines);
        g_free(t->name);
        g_free(t);
}

static void line_free(void *p)
{
        Line *l = p;

        g_queue_clear(&l->waiting);
        g_free(l);
}

static IssuerType *pool_type(IssuerPool *p, const char *name)
{
        IssuerType *t = g_hash_table_lookup(p->types, name);

        if (t)
                return t;
        t = g_new0(IssuerType, 1);
        t->pool = p;
        t->name = g_strdup(name);
        t->slots_max = issuer_config_processes(name);
        t->slots = g_ptr_array_new_with_free_func(slot_free);
        t->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, line_free);
        g_hash_table_insert(p->types, t->name, t);
        return t;
}

static Line *type_line(IssuerType *t, const char *issuer)
{
        Line *l = g_hash_table_lookup(t->lines, issuer);

        if (l)
                return l;
        l = g_new0(Line, 1);
        l->type = t;
        g_queue_init(&l->waiting);
        g_hash_table_insert(t->lines, g_strdup(issuer), l);
        return l;
}

IssuerPool *issuer_pool_new(sd_event *event, Offload *offload)
{
        IssuerPool *p = g_new0(IssuerPool, 1);

        p->event = sd_event_ref(event);
        p->offload = offload;
        p->types = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, type_free);
        p->keyholder = keyholder_new(event);
        if (!p->keyholder || sd_event_add_defer(event, &p->turn, on_turn, p) < 0)
                return issuer_pool_free(p);
        (void) sd_event_source_set_enabled(p->turn, SD_EVENT_OFF);
        return p;
}

/* All calls that wait or are under way, discarded. */
static void pool_discard_calls(IssuerPool *p)
{
        GHashTableIter types, lines;
        gpointer t, l;

        g_hash_table_iter_init(&types, p->types);
        while (g_hash_table_iter_next(&types, NULL, &t)) {
                GPtrArray *slots = ((IssuerType *) t)->slots;

                for (guint i = slots->len; i > 0; i--)
                        issuer_call_discard(((Slot *) slots->pdata[i - 1])->call);
                g_hash_table_iter_init(&lines, ((IssuerType *) t)->lines);
                while (g_hash_table_iter_next(&lines, NULL, &l))
                        while (!g_queue_is_empty(&((Line *) l)->waiting))
                                issuer_call_discard(g_queue_peek_head(&((Line *) l)->waiting));
        }
}

IssuerPool *issuer_pool_free(IssuerPool *p)
{
        if (!p)
                return NULL;
        pool_discard_calls(p);
        g_hash_table_unref(p->types);
        keyholder_free(p->keyholder);
        sd_event_source_disable_unref(p->turn);
        sd_event_unref(p->event);
        g_free(p);
        return NULL;
}

unsigned issuer_pool_active(const IssuerPool *p)
{
        return p->active;
}

IssuerCall *issuer_call(IssuerPool *p, const ManifestIssuer *issuer, const char *interface,
                        const char *member, IssuerFill fill, const SignerKeys *keys, IssuerReply done,
                        void *userdata)
{
        IssuerCall *c = g_new0(IssuerCall, 1);

        c->line = type_line(pool_type(p, issuer->type), issuer->name);
        c->issuer = issuer;
        c->interface = interface;
        c->member = member;
        c->fill = fill;
        c->has_keys = keys || manifest_issuer_has_account(issuer);
        if (manifest_issuer_has_account(issuer)) {
                c->keys.keyholder = p->keyholder;
                c->keys.issuer = issuer;
        }
        if (keys) {
                c->keys.new_key = key_ref(keys->new_key);
                c->keys.current_pem = keys->current_pem ? g_bytes_ref(keys->current_pem) : NULL;
        }
        c->done = done;
        c->userdata = userdata;
        g_queue_push_tail(&c->line->waiting, c);
        p->active++;
        (void) sd_event_source_set_enabled(p->turn, SD_EVENT_ONESHOT);
        return c;
}

void issuer_call_without_deadline(IssuerCall *c)
{
        c->endless = true;
}

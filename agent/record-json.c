/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record as JSON
 *
 * One object, a member for each fact that is known. Members of later versions are left out of account; a member
 * of the wrong type, another certificate's name or another version make the whole record damaged: half a
 * record is worse than one made anew from what is on disk.
 */

#include "agent/record-file.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define VERSION 1
/* The end of the year 9999, microseconds; newer versions of json-glib make the largest integer of what is no int64_t. */
#define TIME_MAX INT64_C(253402300799999999)
#define DEPTH_MAX 8

/* ---- Writing ---- */

static void add_string(JsonBuilder *b, const char *key, const char *value)
{
        g_autofree char *valid = NULL;

        if (!value)
                return;
        if (!g_utf8_validate(value, -1, NULL))
                value = valid = g_utf8_make_valid(value, -1);
        json_builder_set_member_name(b, key);
        json_builder_add_string_value(b, value);
}

static void add_number(JsonBuilder *b, const char *key, uint64_t value)
{
        if (value == 0)
                return;
        json_builder_set_member_name(b, key);
        json_builder_add_int_value(b, (int64_t) MIN(value, (uint64_t) INT64_MAX));
}

static void add_flag(JsonBuilder *b, const char *key, bool value)
{
        if (!value)
                return;
        json_builder_set_member_name(b, key);
        json_builder_add_boolean_value(b, true);
}

static void add_history(JsonBuilder *b, const GPtrArray *history)
{
        json_builder_set_member_name(b, "history");
        json_builder_begin_array(b);
        for (unsigned i = 0; history && i < history->len; i++) {
                const RecordEvent *e = g_ptr_array_index(history, i);

                json_builder_begin_object(b);
                add_number(b, "at", e->at);
                add_string(b, "kind", e->kind);
                add_string(b, "reasons", e->reasons);
                add_string(b, "serial", e->serial);
                add_string(b, "detail", e->detail);
                json_builder_end_object(b);
        }
        json_builder_end_array(b);
}

static void add_record(JsonBuilder *b, const Record *r)
{
        json_builder_begin_object(b);
        add_number(b, "version", VERSION);
        add_string(b, "name", r->name);
        add_string(b, "issuer", r->issuer);
        add_string(b, "request_digest", r->request_digest);
        add_number(b, "generation", r->generation);
        add_string(b, "fingerprint", r->fingerprint);
        add_string(b, "revoked", r->revoked);
        add_string(b, "taken", r->taken);
        add_number(b, "last_renewal", r->last_renewal);
        add_string(b, "authority", r->authority);
        add_string(b, "source", r->source);
        add_number(b, "unused_since", r->unused_since);
        add_string(b, "answered", r->answered);
        add_number(b, "failures", r->failures);
        add_string(b, "failed_digest", r->failed_digest);
        add_string(b, "failed_issuer", r->failed_issuer);
        add_number(b, "failed_at", r->failed_at);
        add_number(b, "retry_at", r->retry_at);
        add_flag(b, "retry_told", r->retry_told);
        add_string(b, "error", r->error >= 0 ? cert_error_to_name(r->error) : NULL);
        add_string(b, "message", r->message);
        add_string(b, "hint", r->hint);
        add_flag(b, "blocked", r->blocked);
        add_flag(b, "degraded", r->degraded);
        add_number(b, "pending", r->pending);
        add_string(b, "pending_digest", r->pending_digest);
        add_flag(b, "pending_imported", r->pending_imported);
        add_string(b, "token", r->token);
        add_string(b, "token_digest", r->token_digest);
        add_number(b, "token_generation", r->token_generation);
        if (r->poll_at != UINT64_MAX)
                add_number(b, "poll_at", r->poll_at);
        add_flag(b, "by_hand", r->poll_at == UINT64_MAX);
        add_number(b, "requested_at", r->requested_at);
        add_number(b, "reminded_at", r->reminded_at);
        add_history(b, r->history);
        json_builder_end_object(b);
}

char *record_to_json(const Record *r, size_t *ret_size)
{
        g_autoptr(JsonBuilder) b = json_builder_new();
        g_autoptr(JsonGenerator) g = json_generator_new();
        JsonNode *root;
        char *text;

        add_record(b, r);
        root = json_builder_get_root(b);
        json_generator_set_root(g, root);
        json_generator_set_pretty(g, true);
        json_generator_set_indent(g, 1);
        text = json_generator_to_data(g, ret_size);
        json_node_unref(root);
        return text;
}

/* ---- Reading ---- */

/* json-glib's parser recurses: text that is nested deeper than any record never reaches it. */
static bool depth_is_sane(const char *data, size_t size)
{
        unsigned depth = 0;
        bool in_string = false;

        for (size_t i = 0; i < size; i++) {
                char c = data[i];

                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '[' || c == '{') {
                        if (++depth > DEPTH_MAX)
                                return false;
                } else if ((c == ']' || c == '}') && depth > 0) {
                        depth--;
                }
        }
        return true;
}

/* Reads members; the first that is not what it should be is named in `error`, and nothing more is read. */
typedef struct Reader {
        JsonObject *object;
        GError **error;
        bool failed;
} Reader;

static void reader_fail(Reader *rd, const char *key, const char *what)
{
        if (!rd->failed)
                g_set_error(rd->error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "\"%s\" is not %s", key, what);
        rd->failed = true;
}

static JsonNode *read_member(Reader *rd, const char *key)
{
        return rd->failed ? NULL : json_object_get_member(rd->object, key);
}

static char *read_string(Reader *rd, const char *key)
{
        JsonNode *n = read_member(rd, key);

        if (!n)
                return NULL;
        if (JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_STRING)
                return json_node_dup_string(n);
        reader_fail(rd, key, "a string");
        return NULL;
}

static uint64_t read_number(Reader *rd, const char *key, uint64_t max)
{
        JsonNode *n = read_member(rd, key);

        if (!n)
                return 0;
        if (JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_INT64 && json_node_get_int(n) >= 0 &&
            (uint64_t) json_node_get_int(n) <= max)
                return (uint64_t) json_node_get_int(n);
        reader_fail(rd, key, "a number in range");
        return 0;
}

static bool read_flag(Reader *rd, const char *key)
{
        JsonNode *n = read_member(rd, key);

        if (!n)
                return false;
        if (JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_BOOLEAN)
                return json_node_get_boolean(n);
        reader_fail(rd, key, "true or false");
        return false;
}

/* A SHA-256 as this project writes it. */
static char *read_digest(Reader *rd, const char *key)
{
        g_autofree char *s = read_string(rd, key);

        if (!s || (strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64))
                return g_steal_pointer(&s);
        reader_fail(rd, key, "a SHA-256 in hex");
        return NULL;
}

static CertError read_error(Reader *rd)
{
        g_autofree char *s = read_string(rd, "error");

        return s ? cert_error_from_name(s) : _CERT_ERROR_INVALID;
}

static void read_event(Reader *rd, JsonNode *node, Record *r)
{
        Reader event = { .error = rd->error };
        RecordEvent *e;

        if (rd->failed)
                return;
        if (!JSON_NODE_HOLDS_OBJECT(node)) {
                reader_fail(rd, "history", "a list of objects");
                return;
        }
        event.object = json_node_get_object(node);
        e = g_new0(RecordEvent, 1);
        g_ptr_array_add(r->history, e);
        e->at = read_number(&event, "at", TIME_MAX);
        e->kind = read_string(&event, "kind") ?: g_strdup("");
        e->reasons = read_string(&event, "reasons");
        e->serial = read_string(&event, "serial");
        e->detail = read_string(&event, "detail");
        rd->failed = event.failed;
}

static void read_history(Reader *rd, Record *r)
{
        JsonNode *n = read_member(rd, "history");
        JsonArray *a;
        unsigned size;

        if (!n)
                return;
        if (!JSON_NODE_HOLDS_ARRAY(n)) {
                reader_fail(rd, "history", "a list");
                return;
        }
        a = json_node_get_array(n);
        size = json_array_get_length(a);
        for (unsigned i = size > RECORD_HISTORY_MAX ? size - RECORD_HISTORY_MAX : 0; i < size; i++)
                read_event(rd, json_array_get_element(a, i), r);
}

static void read_record(Reader *rd, Record *r)
{
        g_autofree char *name = read_string(rd, "name");

        if (read_number(rd, "version", INT64_MAX) != VERSION)
                reader_fail(rd, "version", "one that is known here");
        if (g_strcmp0(name, r->name) != 0)
                reader_fail(rd, "name", "this certificate's");
        r->issuer = read_string(rd, "issuer");
        r->request_digest = read_digest(rd, "request_digest");
        r->generation = (unsigned) read_number(rd, "generation", UINT32_MAX);
        r->fingerprint = read_digest(rd, "fingerprint");
        r->revoked = read_digest(rd, "revoked");
        r->taken = read_digest(rd, "taken");
        r->last_renewal = read_number(rd, "last_renewal", TIME_MAX);
        r->authority = read_digest(rd, "authority");
        r->source = read_digest(rd, "source");
        r->unused_since = read_number(rd, "unused_since", TIME_MAX);
        r->answered = read_string(rd, "answered");
        r->failures = (unsigned) read_number(rd, "failures", UINT32_MAX);
        r->failed_digest = read_digest(rd, "failed_digest");
        r->failed_issuer = read_digest(rd, "failed_issuer");
        r->failed_at = read_number(rd, "failed_at", TIME_MAX);
        r->retry_at = read_number(rd, "retry_at", TIME_MAX);
        r->retry_told = read_flag(rd, "retry_told");
        r->error = read_error(rd);
        r->message = read_string(rd, "message");
        r->hint = read_string(rd, "hint");
        r->blocked = read_flag(rd, "blocked");
        r->degraded = read_flag(rd, "degraded");
        r->pending = (unsigned) read_number(rd, "pending", UINT32_MAX);
        r->pending_digest = read_digest(rd, "pending_digest");
        r->pending_imported = read_flag(rd, "pending_imported");
        r->token = read_string(rd, "token");
        r->token_digest = read_digest(rd, "token_digest");
        r->token_generation = (unsigned) read_number(rd, "token_generation", UINT32_MAX);
        r->poll_at = read_number(rd, "poll_at", TIME_MAX);
        if (read_flag(rd, "by_hand"))
                r->poll_at = UINT64_MAX;
        r->requested_at = read_number(rd, "requested_at", TIME_MAX);
        r->reminded_at = read_number(rd, "reminded_at", TIME_MAX);
        read_history(rd, r);
}

Record *record_from_json(const char *name, const char *data, size_t size, GError **error)
{
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(Record) r = record_new(name);
        g_autoptr(GError) e = NULL;
        Reader rd = { .error = error };
        JsonNode *root;

        if (!g_utf8_validate_len(data, size, NULL) || !depth_is_sane(data, size) ||
            !json_parser_load_from_data(parser, data, (gssize) size, &e)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "not a record's JSON%s%s", e ? ": " : "",
                            e ? e->message : "");
                return NULL;
        }
        root = json_parser_get_root(parser);
        if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "not a JSON object");
                return NULL;
        }
        rd.object = json_node_get_object(root);
        read_record(&rd, r);
        return rd.failed ? NULL : g_steal_pointer(&r);
}

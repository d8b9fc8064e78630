/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An issuer's answer, read from its reply. Keys that this version does not know are passed over; a known one
 * of another type, a missing one, or one beyond its bounds makes the whole answer wrong. */

#include "agent/answer.h"

#include "agent/chain.h"
#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

#define CERTIFICATE_MAX (64 * 1024)
#define TOKEN_MAX       4096
#define WHAT_MAX        1024
#define SPAN_MAX        (7 * USEC_PER_DAY)
#define POLL_DEFAULT    (60 * USEC_PER_SEC)
#define POLL_MIN        USEC_PER_SEC

/* The dictionary, flat. Strings are borrowed from the message. */
typedef struct Result {
        GPtrArray *chain, *roots;
        const char *token, *error, *message, *hint, *key;
        uint64_t poll_after, retry_after;
} Result;

static void result_clear(Result *r)
{
        g_clear_pointer(&r->chain, g_ptr_array_unref);
        g_clear_pointer(&r->roots, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

bool answer_broken(GError **error, const char *issuer, const char *format, ...)
{
        g_autofree char *raw = NULL, *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        raw = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        what = cert_error_printable(raw, WHAT_MAX, ""); /* it quotes the answer */
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "issuer \"%s\" gave an answer that is none: %s\n"
                    "Its program breaks org.certagent1.Issuer(5); update it, or tell its makers.",
                    issuer, what);
        return false;
}

/* ---- Values ---- */

GPtrArray *answer_read_certificates(sd_bus_message *m, unsigned max, const char *issuer, GError **error)
{
        return answer_read_blobs(m, max, CERTIFICATE_MAX, issuer, error);
}

GPtrArray *answer_read_blobs(sd_bus_message *m, unsigned max, size_t max_size, const char *issuer, GError **error)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        const void *data;
        size_t size;
        int r = sd_bus_message_enter_container(m, 'a', "ay");

        while (r >= 0 && (r = sd_bus_message_read_array(m, 'y', &data, &size)) > 0) {
                if (size == 0 || size > max_size || list->len >= max) {
                        answer_broken(error, issuer,
                               "a value of %zu bytes as number %u (at most %u of %zu bytes)", size,
                               list->len + 1, max, max_size);
                        return NULL;
                }
                g_ptr_array_add(list, g_bytes_new(data, size));
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                answer_broken(error, issuer, "a list is not of type aay");
                return NULL;
        }
        return g_steal_pointer(&list);
}

static bool read_list(sd_bus_message *m, const char *key, unsigned max, const char *issuer, GPtrArray **ret,
                      GError **error)
{
        if (sd_bus_message_enter_container(m, 'v', "aay") < 0)
                return answer_broken(error, issuer, "%s is not of type aay", key);
        g_clear_pointer(ret, g_ptr_array_unref);
        *ret = answer_read_certificates(m, max, issuer, error);
        if (!*ret)
                return false;
        return sd_bus_message_exit_container(m) >= 0 || answer_broken(error, issuer, "%s is not of type aay", key);
}

static bool read_basic(sd_bus_message *m, const char *key, const char *type, const char *issuer, void *ret,
                       GError **error)
{
        return sd_bus_message_read(m, "v", type, ret) >= 0 ||
               answer_broken(error, issuer, "%s is not of type %s", key, type);
}

static bool read_entry(sd_bus_message *m, const char *issuer, Result *result, GError **error)
{
        const struct {
                const char *key;
                const char *type;
                void *ret;
        } basics[] = {
                { "Token", "s", &result->token }, { "PollAfter", "t", &result->poll_after },
                { "Error", "s", &result->error }, { "Message", "s", &result->message },
                { "Hint", "s", &result->hint },   { "RetryAfter", "t", &result->retry_after },
                { "Key", "s", &result->key },
        };
        const char *key;

        if (sd_bus_message_read(m, "s", &key) < 0)
                return answer_broken(error, issuer, "a key is no string");
        if (g_str_equal(key, "Chain"))
                return read_list(m, key, CHAIN_MAX, issuer, &result->chain, error);
        if (g_str_equal(key, "Roots"))
                return read_list(m, key, ANSWER_ROOTS_MAX, issuer, &result->roots, error);
        for (size_t i = 0; i < G_N_ELEMENTS(basics); i++)
                if (g_str_equal(key, basics[i].key))
                        return read_basic(m, key, basics[i].type, issuer, basics[i].ret, error);
        return sd_bus_message_skip(m, "v") >= 0 || answer_broken(error, issuer, "its dictionary cannot be read");
}

static bool read_result(sd_bus_message *m, const char *issuer, Result *result, GError **error)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        if (r < 0)
                return answer_broken(error, issuer, "its result is not of type a{sv}");
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                if (!read_entry(m, issuer, result, error))
                        return false;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        break;
        }
        return r >= 0 || answer_broken(error, issuer, "its result is not of type a{sv}");
}

/* ---- The three answers ---- */

/* A token goes into a record file and back to the issuer: one printable line. */
static bool token_is_sane(const char *token)
{
        size_t length = strlen(token);

        if (length == 0 || length > TOKEN_MAX)
                return false;
        for (const char *p = token; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return false;
        return true;
}

static bool take_issued(Answer *a, Result *r, const char *issuer, GError **error)
{
        if (!r->chain || r->chain->len == 0)
                return answer_broken(error, issuer, "\"issued\" without a Chain");
        if (r->key && !g_str_equal(r->key, "new") && !g_str_equal(r->key, "current"))
                return answer_broken(error, issuer, "the Key \"%.64s\" is none of new, current", r->key);
        a->status = ANSWER_ISSUED;
        a->for_current = g_strcmp0(r->key, "current") == 0;
        a->chain = g_steal_pointer(&r->chain);
        a->roots = r->roots ? g_steal_pointer(&r->roots)
                            : g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        return true;
}

static bool take_waiting(Answer *a, Result *r, const char *issuer, GError **error)
{
        if (!r->token || !token_is_sane(r->token))
                return answer_broken(error, issuer, "\"waiting\" without a Token of 1 to %d printable characters",
                              TOKEN_MAX);
        a->status = ANSWER_WAITING;
        a->token = g_strdup(r->token);
        a->poll_after = r->poll_after ? CLAMP(r->poll_after, POLL_MIN, SPAN_MAX) : POLL_DEFAULT;
        if (r->poll_after == UINT64_MAX)
                a->poll_after = UINT64_MAX;
        return true;
}

static bool take_later(Answer *a, Result *r, const char *issuer, GError **error)
{
        g_autofree char *what = g_strdup_printf("issuer \"%s\"", issuer);
        g_autofree char *message = g_strconcat(r->message ?: "refused for now",
                                               r->hint && *r->hint ? "\n" : NULL, r->hint, NULL);
        sd_bus_error e =
                SD_BUS_ERROR_MAKE_CONST(r->error ?: cert_error_to_name(CERT_ERROR_ISSUER_REFUSED), message);

        a->status = ANSWER_LATER;
        a->retry_after = MIN(r->retry_after, SPAN_MAX);
        cert_error_set_from_bus(&a->refusal, &e, 0, CERT_ERROR_ISSUER_REFUSED, what);
        return true;
}

bool answer_read(sd_bus_message *m, const char *issuer, Answer **ret_answer, GError **error)
{
        static const struct {
                const char *status;
                bool (*take)(Answer *a, Result *r, const char *issuer, GError **error);
        } statuses[] = {
                { "issued", take_issued },
                { "waiting", take_waiting },
                { "later", take_later },
        };
        g_autoptr(Answer) a = g_new0(Answer, 1);
        g_auto(Result) result = { 0 };
        const char *status;

        if (!sd_bus_message_has_signature(m, "sa{sv}"))
                return answer_broken(error, issuer, "its type is %.64s in place of sa{sv}",
                              sd_bus_message_get_signature(m, true) ?: "unreadable");
        if (sd_bus_message_read(m, "s", &status) < 0)
                return answer_broken(error, issuer, "its status is no string");
        if (!read_result(m, issuer, &result, error))
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
                if (g_str_equal(statuses[i].status, status)) {
                        if (!statuses[i].take(a, &result, issuer, error))
                                return false;
                        *ret_answer = g_steal_pointer(&a);
                        return true;
                }
        return answer_broken(error, issuer, "\"%.64s\" is none of issued, waiting, later", status);
}

Answer *answer_free(Answer *a)
{
        if (!a)
                return NULL;
        g_clear_pointer(&a->chain, g_ptr_array_unref);
        g_clear_pointer(&a->roots, g_ptr_array_unref);
        g_free(a->token);
        g_clear_error(&a->refusal);
        g_free(a);
        return NULL;
}

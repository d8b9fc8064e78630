/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a step-ca, or who stands in its place, answers: it is taken within bounds, or refused in words
 * that can be shown. The input: which question it answers, the status, and the body. */

#include "common/error.h"
#include "issuers/step/step-private.h"

#include <string.h>

#define CONFIG                                                                                               \
        "{\"name\":\"ca\",\"url\":\"https://ca.example\",\"provisioner\":\"admin\","                         \
        "\"root_fingerprint\":\"0000000000000000000000000000000000000000000000000000000000000000\"}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "What\nwhat to do", and no character that does something to a terminal. */
static void check_error(const GError *error)
{
        const char *hint = strchr(error->message, '\n');

        g_assert_true(error->domain == CERT_ERROR);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_true(hint && hint[1] && !strchr(hint + 1, '\n'));
        for (const char *p = error->message; *p; p = g_utf8_next_char(p))
                g_assert_true(p == hint || g_unichar_isprint(g_utf8_get_char(p)));
}

static GPtrArray *list_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
}

static bool take_provisioners(JsonObject *o, GError **error)
{
        g_auto(StepSearch) s = { 0 };
        g_autofree char *cursor = NULL;

        step_search_init(&s, "admin");
        if (!step_search_take_page(&s, o, &cursor, error))
                return false;
        g_assert_cmpuint(s.shown, <=, s.seen);
        g_assert_cmpuint(s.names->len, <, 4096);
        if (s.found)
                g_assert_cmpstr(s.found->name, ==, "admin");
        /* the same page as its own next one has no end */
        g_assert_false(cursor && step_search_take_page(&s, o, &cursor, NULL));
        return true;
}

static bool take_roots(JsonObject *o, GError **error)
{
        g_autoptr(GPtrArray) ders = list_new();
        bool ok = step_roots_of_answer(ders, o, error);

        g_assert_cmpuint(ders->len, <=, STEP_ROOTS_MAX);
        return ok;
}

static bool take_chain(const StepCall *c, JsonObject *o, GError **error)
{
        g_autoptr(GPtrArray) chain = step_chain_of_answer(c, o, error);

        g_assert_true(!chain || (chain->len > 0 && chain->len <= 16));
        return chain != NULL;
}

static bool take(StepCall *c, uint8_t question, JsonObject *o, GError **error)
{
        switch (question % 3) {
        case 0:
                return take_provisioners(o, error);
        case 1:
                return take_roots(o, error);
        default:
                return take_chain(c, o, error);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const unsigned statuses[] = { 200, 201, 400, 401, 403, 404, 429,
                                             500, 502, 503, 302, 299, 600, 0 };
        g_autoptr(StepOptions) options = step_options_new(CONFIG, NULL);
        StepCall c = { .options = options, .url = options->urls[0] };
        HttpAnswer a = { .date_usec = 1 };
        g_autoptr(GBytes) body = NULL;
        g_autoptr(JsonObject) o = NULL;
        g_autoptr(GError) error = NULL;
        bool ok;

        if (size < 2)
                return 0;
        body = g_bytes_new(data + 2, size - 2);
        a.body = body;
        a.status = statuses[data[1] % G_N_ELEMENTS(statuses)];
        o = step_answer_object(&c, &a, "asking", &error);
        g_assert_true(!o || a.status == 200 || a.status == 201);
        ok = o && take(&c, data[0], o, &error);
        g_assert_cmpint(ok, ==, error == NULL);
        if (error)
                check_error(error);
        g_assert_null(step_root_accept((const char *) data + 2, size - 2, options->fingerprints[0]));
        return 0;
}

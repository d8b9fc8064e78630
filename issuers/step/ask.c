/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asking: which of the servers, by whom vouched for, and how long. It owns nothing. */

#include "issuers/step/step-private.h"

#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

/* What is sent to each server alike. */
typedef struct Question {
        const char *method, *path, *body;
        const char *const *headers;
        const HttpClient *client;
} Question;

/* A server by itself is not there, or is not the CA: another may be. What is wrong here is so with all of
 * them. */
static bool another_may_answer(const GError *error)
{
        switch (cert_error_code(error)) {
        case CERT_ERROR_ISSUER_UNREACHABLE:
        case CERT_ERROR_ISSUER_TIMEOUT:
        case CERT_ERROR_ISSUER_PROTOCOL:
        case CERT_ERROR_ISSUER_AUTHENTICATION:
                return true;
        default:
                return false;
        }
}

/* NULL-terminated; the strings are borrowed, the list is the caller's. */
static const char **headers_new(const Question *q)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new();

        if (q->body)
                g_ptr_array_add(list, (char *) "Content-Type: application/json");
        for (const char *const *h = q->headers; h && *h; h++)
                g_ptr_array_add(list, (char *) *h);
        g_ptr_array_add(list, NULL);
        return (const char **) g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

/* `share`: among how many servers the time for a connection is to be divided. */
static HttpAnswer *send_question(StepCall *c, const Question *q, const char *url, unsigned share,
                                 GBytes *roots, GError **error)
{
        g_autofree char *whole = g_strconcat(url, q->path, NULL);
        g_autofree const char **headers = headers_new(q);
        g_autoptr(GBytes) body = q->body ? g_bytes_new_static(q->body, strlen(q->body)) : NULL;
        uint64_t left = step_call_left(c);
        HttpRequest request = { .method = q->method,
                                .url = whole,
                                .headers = headers,
                                .body = body,
                                .roots = roots,
                                .client = q->client,
                                .answer_max = STEP_ANSWER_MAX,
                                .timeout_usec = left,
                                .connect_usec = left / share };

        if (left > 0)
                return http_send(c->process->http, &request, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_TIMEOUT,
                    "no time was left to ask %s\nThe CA is slow, or \"timeout\" of the issuer in the "
                    "manifest is short.",
                    url);
        return NULL;
}

/* The server is not of the roots that vouch for it. That says to whom it belongs; what it must be is said
 * here. */
static void set_untrusted(const StepCall *c, const GError *wrong, GError **error)
{
        g_autofree char *summary = cert_error_summary(wrong), *prints = NULL;

        if (!c->options->fingerprints) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                            "%s. Trusted are those in %s, and nothing was trusted anew\n"
                            "The CA's root changed, or this is another server. If the CA says that it "
                            "changed, put its new "
                            "root into that file.",
                            summary, c->options->root_file);
                return;
        }
        prints = g_strjoinv(", ", c->options->fingerprints);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                    "%s. Trusted is root_fingerprint %s, and nothing was trusted anew\n"
                    "The CA's root changed, or this is another server. Ask the CA itself, on its own host: "
                    "step certificate "
                    "fingerprint $(step path)/certs/root_ca.crt; if it did change, put that into "
                    "root_fingerprint of the "
                    "manifest.",
                    summary, prints);
}

/* Where a fingerprint's root was not there when it was asked for last, it may be there now. */
static bool trust_again(StepCall *c, const char *url, GBytes **roots)
{
        g_autoptr(GBytes) before = *roots;

        *roots = NULL;
        if (!c->options->fingerprints)
                return false;
        step_trust_forget(c);
        *roots = step_trust(c, url, NULL);
        if (*roots)
                g_bytes_ref(*roots);
        return *roots && !g_bytes_equal(*roots, before);
}

static HttpAnswer *ask_server(StepCall *c, const Question *q, const char *url, unsigned share, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        g_autoptr(GBytes) roots = step_trust(c, url, error);
        HttpAnswer *a;

        if (!roots)
                return NULL;
        g_bytes_ref(roots);
        a = send_question(c, q, url, share, roots, &wrong);
        if (!a && g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION) &&
            trust_again(c, url, &roots)) {
                g_clear_error(&wrong);
                a = send_question(c, q, url, share, roots, &wrong);
        }
        if (a)
                return a;
        if (g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION))
                set_untrusted(c, wrong, error);
        else
                g_propagate_error(error, g_steal_pointer(&wrong));
        return NULL;
}

static void set_none(unsigned tried, GError *last, GError **error)
{
        g_autofree char *summary = cert_error_summary(last);

        if (tried < 2) {
                g_propagate_error(error, last);
                return;
        }
        g_set_error(error, CERT_ERROR, cert_error_code(last),
                    "none of the CA's %u servers answers; the last one: %s\n%s", tried, summary,
                    cert_error_hint(last));
        g_error_free(last);
}

HttpAnswer *step_ask(StepCall *c, const char *method, const char *path, const char *body,
                     const char *const *headers, const HttpClient *client, GError **error)
{
        const Question q = { method, path, body, headers, client };
        unsigned left = c->url ? 1 : g_strv_length(c->options->urls), tried = 0;
        GError *last = NULL;

        c->token_sent = body || headers; /* where else would it be */
        for (char **url = c->options->urls; *url; url++) {
                HttpAnswer *a;

                if (c->url && !g_str_equal(c->url, *url))
                        continue;
                g_clear_error(&last);
                a = ask_server(c, &q, *url, left - tried, &last);
                if (a) {
                        c->url = *url;
                        return a;
                }
                tried++;
                if (g_error_matches(last, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED))
                        c->url = *url; /* of the client certificate, by TLS: the server is there */
                if (!another_may_answer(last))
                        break;
        }
        set_none(tried, last, error);
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests that wait: kept with their key, replaced, ended, known again after they were replaced; and what a crash between any
 * two steps leaves. */

#include "agent/certificate.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#include <string.h>

#define NOW (UINT64_C(1767225600) * USEC_PER_SEC)

typedef struct World {
        char *root;
        ManifestCertificate *wish;
        Certificate *c;
} World;

static void set_up(World *w, gconstpointer data)
{
        w->root = fixture_root_new();
        w->wish = fixture_certificate_new("web");
        w->wish->issuer_type = "csr";
        w->c = certificate_new(w->wish);
        w->c->record = record_new("web");
}

static void tear_down(World *w, gconstpointer data)
{
        record_free(w->c->record);
        certificate_free(w->c);
        fixture_certificate_free(w->wish);
        fixture_root_free(w->root);
}

/* A new request waits; its generation as it was made, with *ret_replaced. */
static Generation *wait_for(World *w, uint64_t at, unsigned *ret_replaced)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256), request = NULL;
        g_autoptr(Generation) g = fixture_request_generation_new(key);
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;

        request = generation_request(g);
        g_assert_true(certificate_set_waiting(w->c, "token", UINT64_MAX, key, request, at, ret_replaced, &error));
        g_assert_no_error(error);
        text = certificate_request_text(request);
        record_add_event(w->c->record, at, "waiting", 0, NULL, text);
        return g_steal_pointer(&g);
}

/* The record as the next agent reads it. */
static void restart(World *w)
{
        bool known;

        record_free(w->c->record);
        g_assert_true(record_load("web", &w->c->record, &known, NULL));
}

static void assert_waits(World *w, const Generation *expected)
{
        g_autoptr(Generation) g = certificate_waiting(w->c);

        g_assert_nonnull(g);
        g_assert_true(g_bytes_equal(g->request_pem, expected->request_pem));
        g_assert_true(g_bytes_equal(g->key_pem, expected->key_pem));
        g_assert_true(certificate_waits_for_person(w->c));
        g_assert_true(certificate_waiting_is_wanted(w->c));
}

static void test_kept(World *w, gconstpointer data)
{
        unsigned replaced = 99;
        g_autoptr(Generation) g = wait_for(w, NOW, &replaced);

        g_assert_cmpuint(replaced, ==, 0);
        assert_waits(w, g);
        g_assert_cmpuint(w->c->record->requested_at, ==, NOW);
        g_assert_true(record_save(w->c->record, NULL));
        restart(w);
        assert_waits(w, g);
        g_assert_cmpuint(w->c->record->requested_at, ==, NOW);
        g_assert_cmpuint(w->c->record->poll_at, ==, UINT64_MAX);
}

static void test_a_crash_before_the_record_leaves_the_old_one(World *w, gconstpointer data)
{
        unsigned replaced;
        g_autoptr(Generation) old = wait_for(w, NOW, &replaced), new = NULL;

        g_assert_true(record_save(w->c->record, NULL));
        new = wait_for(w, NOW + 1, &replaced);
        g_assert_cmpuint(replaced, ==, 1);
        restart(w);
        assert_waits(w, old);
        g_assert_cmpuint(w->c->record->requested_at, ==, NOW);
}

static void test_a_crash_after_the_record_leaves_the_new_one(World *w, gconstpointer data)
{
        unsigned replaced;
        g_autoptr(Generation) old = wait_for(w, NOW, &replaced), new = NULL;

        g_assert_true(record_save(w->c->record, NULL));
        w->c->record->reminded_at = NOW;
        new = wait_for(w, NOW + 1, &replaced);
        g_assert_false(g_bytes_equal(old->key_pem, new->key_pem));
        g_assert_true(record_save(w->c->record, NULL));
        restart(w);
        assert_waits(w, new);
        g_assert_cmpuint(w->c->record->reminded_at, ==, 0); /* nobody was reminded of this one */
        generation_remove("web", replaced);
        assert_waits(w, new);
}

static void test_ended(World *w, gconstpointer data)
{
        unsigned replaced;

        generation_unref(wait_for(w, NOW, &replaced));
        certificate_end_waiting(w->c);
        g_assert_null(certificate_waiting(w->c));
        g_assert_false(certificate_waits_for_person(w->c));
        g_assert_cmpuint(w->c->record->requested_at, ==, 0);
        g_assert_true(record_save(w->c->record, NULL));
        restart(w);
        g_assert_null(certificate_waiting(w->c));
}

static void test_lost(World *w, gconstpointer data)
{
        unsigned replaced;

        generation_unref(wait_for(w, NOW, &replaced));
        generation_remove("web", w->c->record->token_generation);
        g_assert_null(certificate_waiting(w->c));
        g_assert_true(certificate_waits_for_person(w->c)); /* as far as anybody knows */
}

/* What makes the answer useless, and what does not. */
static void test_wanted(World *w, gconstpointer data)
{
        static const char *const other[] = { "web.example", "www.example", NULL };
        unsigned replaced;

        generation_unref(wait_for(w, NOW, &replaced));
        w->wish->keep = 9;
        w->wish->renew_before = (RenewBefore) { .usec = USEC_PER_DAY };
        w->wish->issuer_digest = "another file of roots";
        g_assert_true(certificate_waiting_is_wanted(w->c));
        w->wish->issuer_type = "local"; /* of the same name */
        g_assert_false(certificate_waiting_is_wanted(w->c));
        w->wish->issuer_type = "csr";
        w->wish->key_uri = g_strdup("pkcs11:token=x");
        g_assert_false(certificate_waiting_is_wanted(w->c));
        g_clear_pointer(&w->wish->key_uri, g_free);
        g_assert_true(certificate_waiting_is_wanted(w->c));
        g_clear_pointer(&w->wish->request_digest, g_free);
        fixture_certificate_set_sans(w->wish, other);
        g_assert_false(certificate_waiting_is_wanted(w->c));
        g_clear_pointer(&w->c->record->token_digest, g_free); /* of a version that did not note it */
        g_assert_true(certificate_waiting_is_wanted(w->c));
}

static void test_former(World *w, gconstpointer data)
{
        unsigned replaced;
        g_autoptr(Generation) old = wait_for(w, NOW, &replaced), present = wait_for(w, NOW + 1, &replaced);
        g_autoptr(GBytes) old_request = generation_request(old), request = generation_request(present);
        g_autofree char *old_text = certificate_request_text(old_request), *text = certificate_request_text(request);
        g_autofree char *quoted = g_strconcat("the file holds another key: ", strrchr(old_text, ' ') + 1, ", no use", NULL);

        g_assert_cmpuint(certificate_find_former_request(w->c, quoted), ==, NOW);
        g_assert_cmpuint(certificate_find_former_request(w->c, text), ==, 0); /* that is the one that waits */
        g_assert_cmpuint(certificate_find_former_request(w->c, "a web page"), ==, 0);
        g_assert_true(record_save(w->c->record, NULL));
        restart(w);
        g_clear_pointer(&w->c->record->history, g_ptr_array_unref); /* as in the agent's store */
        g_assert_cmpuint(certificate_find_former_request(w->c, quoted), ==, NOW);
}

static void test_no_request(World *w, gconstpointer data)
{
        g_autoptr(GBytes) none = g_bytes_new_static("none", 4);

        g_assert_null(certificate_request_text(none));
        g_assert_null(certificate_request_text(NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(name, f) g_test_add("/certificate-waiting/" name, World, NULL, set_up, f, tear_down)
        ADD("the request and its key are kept", test_kept);
        ADD("a crash before the record leaves the old one", test_a_crash_before_the_record_leaves_the_old_one);
        ADD("a crash after the record leaves the new one", test_a_crash_after_the_record_leaves_the_new_one);
        ADD("ended", test_ended);
        ADD("lost from the state folder", test_lost);
        ADD("what makes the answer useless", test_wanted);
        ADD("the key of a former request is known", test_former);
        ADD("what is no request", test_no_request);
        return g_test_run();
}

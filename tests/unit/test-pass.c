/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pass: who shares units, which of two actions counts, and how often a watch may begin one. */

#include "agent/pass.h"
#include "common/timespan.h"

typedef struct Wish {
        ManifestCertificate manifest;
        Certificate certificate;
} Wish;

static Wish *wish_new(const char *name, const char *const *units)
{
        Wish *w = g_new0(Wish, 1);

        w->manifest.name = g_strdup(name);
        w->manifest.units = g_ptr_array_new_with_free_func(g_free);
        for (; *units; units++) {
                UnitRef *ref = g_new0(UnitRef, 1);

                ref->unit = (char *) *units;
                ref->action = UNIT_ACTION_RELOAD;
                g_ptr_array_add(w->manifest.units, ref);
        }
        w->certificate.wish = &w->manifest;
        return w;
}

static void wish_free(gpointer data)
{
        Wish *w = data;

        g_free(w->manifest.name);
        g_ptr_array_unref(w->manifest.units);
        g_free(w);
}

#define UNITS(...) ((const char *const[]) { __VA_ARGS__, NULL })

typedef struct Case {
        Job *job;
        Pass *pass;
        GPtrArray *wishes, *batch, *groups;
} Case;

static void case_setup(Case *c, gconstpointer kind)
{
        c->job = job_new(1, GPOINTER_TO_INT(kind));
        c->pass = pass_new(NULL, c->job, 0, NULL);
        c->wishes = g_ptr_array_new_with_free_func(wish_free);
        c->batch = g_ptr_array_new();
        c->groups = g_ptr_array_new();
}

static void case_teardown(Case *c, gconstpointer kind)
{
        pass_free(c->pass);
        g_ptr_array_unref(c->batch);
        g_ptr_array_unref(c->groups);
        g_ptr_array_unref(c->wishes);
        job_free(c->job);
}

static PassItem *case_add(Case *c, const char *name, const char *const *units)
{
        Wish *w = wish_new(name, units);
        PassItem *item = pass_add(c->pass, &w->certificate);

        g_ptr_array_add(c->wishes, w);
        g_ptr_array_add(c->batch, item);
        return item;
}

static void test_fifty_that_name_one_unit_are_one_group_with_one_job(Case *c, gconstpointer kind)
{
        for (int i = 0; i < 50; i++) {
                g_autofree char *name = g_strdup_printf("c%d", i);

                case_add(c, name, UNITS("nginx.service"));
        }
        pass_group(c->pass, c->batch, c->groups);
        g_assert_cmpuint(c->groups->len, ==, 1);
        g_assert_cmpuint(((UnitGroup *) g_ptr_array_index(c->groups, 0))->units->len, ==, 1);
        g_assert_cmpuint(((UnitGroup *) g_ptr_array_index(c->groups, 0))->items->len, ==, 50);
}

static void test_sharing_by_way_of_another_makes_one_group(Case *c, gconstpointer kind)
{
        PassItem *a = case_add(c, "a", UNITS("nginx.service"));
        PassItem *b = case_add(c, "b", UNITS("postfix.service"));
        PassItem *d = case_add(c, "d", UNITS("redis.service"));
        PassItem *e = case_add(c, "e", UNITS("postfix.service", "nginx.service"));

        pass_group(c->pass, c->batch, c->groups);
        g_assert_cmpuint(c->groups->len, ==, 2);
        g_assert_true(a->group == b->group);
        g_assert_true(a->group == e->group);
        g_assert_true(a->group != d->group);
}

static void test_those_without_units_stand_alone(Case *c, gconstpointer kind)
{
        PassItem *a = case_add(c, "a", UNITS(NULL)), *b = case_add(c, "b", UNITS(NULL));

        pass_group(c->pass, c->batch, c->groups);
        g_assert_cmpuint(c->groups->len, ==, 2);
        g_assert_true(a->group != b->group);
}

static void test_followers_count_as_units(Case *c, gconstpointer kind)
{
        PassItem *a = case_add(c, "a", UNITS(NULL)), *b = case_add(c, "b", UNITS("nginx.service"));

        a->followed_by = g_strdupv((char *[]) { (char *) "nginx.service", NULL });
        pass_group(c->pass, c->batch, c->groups);
        g_assert_true(a->group == b->group);
        g_assert_cmpuint(a->group->units->len, ==, 1);
}

static void test_the_stronger_action_counts(Case *c, gconstpointer kind)
{
        PassItem *a = case_add(c, "a", UNITS("nginx.service")), *b = case_add(c, "b", UNITS("nginx.service"));
        const GroupUnit *unit;

        ((UnitRef *) g_ptr_array_index(b->wish->units, 0))->action = UNIT_ACTION_RESTART;
        pass_group(c->pass, c->batch, c->groups);
        unit = g_ptr_array_index(a->group->units, 0);
        g_assert_cmpint(unit->ref.action, ==, UNIT_ACTION_RESTART);
}

static void test_ensuring_never_starts_a_unit(Case *c, gconstpointer kind)
{
        PassItem *a = case_add(c, "a", UNITS("nginx.service"));
        const GroupUnit *unit;

        ((UnitRef *) g_ptr_array_index(a->wish->units, 0))->action = UNIT_ACTION_RELOAD_OR_RESTART;
        pass_group(c->pass, c->batch, c->groups);
        unit = g_ptr_array_index(a->group->units, 0);
        g_assert_cmpint(unit->ref.action, ==, UNIT_ACTION_TRY_RELOAD_OR_RESTART);
}

static void test_one_is_no_weaker_than_itself(void)
{
        for (UnitAction a = 0; a < _UNIT_ACTION_MAX; a++) {
                g_assert_cmpint(unit_action_stronger(a, a), ==, a);
                for (UnitAction b = 0; b < _UNIT_ACTION_MAX; b++)
                        g_assert_cmpint(unit_action_stronger(a, b), ==, unit_action_stronger(b, a));
        }
}

/* Who can write in the folder of a watched certificate must not have the CA asked without end. */
static void test_a_watch_mends_so_often_and_no_more(void)
{
        const ManifestCertificate wish = { .name = (char *) "web" };
        g_autoptr(Certificate) c = certificate_new(&wish);
        unsigned mended = 0;

        for (unsigned i = 0; i < 100; i++)
                mended += certificate_may_mend(c);
        g_assert_cmpuint(mended, ==, 20);
        c->watch_since -= (int64_t) (11 * USEC_PER_MINUTE);
        g_assert_true(certificate_may_mend(c));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(path, kind, test) g_test_add(path, Case, GINT_TO_POINTER(kind), case_setup, test, case_teardown)
        ADD("/pass/fifty-and-one-unit", JOB_KIND_RENEW, test_fifty_that_name_one_unit_are_one_group_with_one_job);
        ADD("/pass/by-way-of-another", JOB_KIND_RENEW, test_sharing_by_way_of_another_makes_one_group);
        ADD("/pass/without-units", JOB_KIND_RENEW, test_those_without_units_stand_alone);
        ADD("/pass/followers", JOB_KIND_RENEW, test_followers_count_as_units);
        ADD("/pass/stronger-action", JOB_KIND_RENEW, test_the_stronger_action_counts);
        ADD("/pass/ensuring", JOB_KIND_ENSURE, test_ensuring_never_starts_a_unit);
        g_test_add_func("/pass/strength-is-an-order", test_one_is_no_weaker_than_itself);
        g_test_add_func("/pass/a-watch-mends-so-often", test_a_watch_mends_so_often_and_no_more);
        return g_test_run();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An inquiry. It owns nothing but its place in the lines of those authorities that have not answered it yet; an answer
 * is taken by the authority, then told to all in its line. */

#include "agent/inquiry.h"

struct Inquiry {
        GPtrArray *open; /* Authority*, not answered yet */
        sd_event_source *over; /* off until all have answered; callers are told from the loop, and not from here */
        InquiryDone done;
        void *userdata;
};

static void inquiry_free(Inquiry *i)
{
        g_ptr_array_unref(i->open);
        sd_event_source_disable_unref(i->over);
        g_free(i);
}

static int on_over(sd_event_source *s, void *u)
{
        Inquiry *i = u;
        InquiryDone done = i->done;
        void *userdata = i->userdata;

        inquiry_free(i);
        done(userdata);
        return 0;
}

static void inquiry_check(Inquiry *i)
{
        if (i->open->len == 0)
                (void) sd_event_source_set_enabled(i->over, SD_EVENT_ONESHOT);
}

static void on_inspected(const AuthorityReply *reply, void *userdata)
{
        Authority *a = userdata;

        a->inspection = NULL;
        if (reply->facts)
                authority_take_facts(a, reply->facts);
        else
                authority_take_error(a, reply->error);
        while (a->inquiries->len > 0) {
                Inquiry *i = g_ptr_array_steal_index(a->inquiries, 0);

                g_ptr_array_remove_fast(i->open, a);
                inquiry_check(i);
        }
}

Inquiry *inquiry_start(sd_event *event, IssuePool *pool, GPtrArray *authorities, InquiryDone done, void *userdata)
{
        Inquiry *i = g_new0(Inquiry, 1);

        i->open = g_ptr_array_new();
        i->done = done;
        i->userdata = userdata;
        for (guint n = 0; n < authorities->len; n++) {
                Authority *a = g_ptr_array_index(authorities, n);

                g_ptr_array_add(i->open, a);
                g_ptr_array_add(a->inquiries, i);
                if (!a->inspection)
                        a->inspection = authority_call(pool, a->issuer, "Inspect", on_inspected, a);
        }
        if (sd_event_add_defer(event, &i->over, on_over, i) < 0)
                g_error("out of memory");
        (void) sd_event_source_set_enabled(i->over, SD_EVENT_OFF);
        inquiry_check(i);
        return i;
}

Inquiry *inquiry_discard(Inquiry *i)
{
        if (!i)
                return NULL;
        for (guint n = 0; n < i->open->len; n++)
                g_ptr_array_remove(((Authority *) g_ptr_array_index(i->open, n))->inquiries, i);
        inquiry_free(i);
        return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Diagnose, a method of the Manager: what an audit finds. Open to all, as the status is: what it costs is bounded by
 * agent/auditor.c. */

#include "agent/auditor.h"
#include "agent/bus.h"
#include "common/error.h"

static int append_findings(sd_bus_message *reply, const GPtrArray *findings)
{
        int r = sd_bus_message_open_container(reply, 'a', "(ssss)");

        for (guint i = 0; r >= 0 && i < findings->len; i++) {
                const Finding *f = g_ptr_array_index(findings, i);

                r = sd_bus_message_append(reply, "(ssss)", f->certificate, finding_code_to_string(f->code), f->message, f->hint);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Takes the message's reference. */
static void on_answered(const GPtrArray *findings, void *userdata)
{
        sd_bus_message *m = userdata, *reply = NULL;
        int r;

        if (!findings)
                (void) sd_bus_reply_method_errorf(m, SD_BUS_ERROR_LIMITS_EXCEEDED, "The files cannot be looked at now");
        else {
                r = sd_bus_message_new_method_return(m, &reply);
                if (r >= 0)
                        r = append_findings(reply, findings);
                if (r >= 0)
                        r = sd_bus_message_send(reply);
                if (r < 0) /* nobody is left waiting for it */
                        (void) sd_bus_reply_method_errno(m, r, NULL);
        }
        sd_bus_message_unref(reply);
        sd_bus_message_unref(m);
}

int bus_method_diagnose(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) names = NULL;
        int r = bus_read_names(b, m, &names, ret_error);

        if (r < 0)
                return r;
        if (auditor_ask(agent_auditor(bus_agent(b)), (const char *const *) names, on_answered, sd_bus_message_ref(m), &error))
                return 1;
        sd_bus_message_unref(m);
        return cert_error_to_bus(error, ret_error);
}

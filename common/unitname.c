/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of units and signals: the tables that systemd.unit(5) and signal(7) give. */

#include "common/unitname.h"

#include <glib.h>
#include <signal.h>
#include <string.h>

static const char *const unit_suffixes[] = { ".service",   ".socket", ".target", ".path",  ".timer", ".mount",
                                             ".automount", ".swap",   ".device", ".scope", ".slice" };

bool unit_name_has_suffix(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(unit_suffixes); i++)
                if (g_str_has_suffix(name, unit_suffixes[i]) && strlen(name) > strlen(unit_suffixes[i]))
                        return true;
        return false;
}

bool unit_name_is_template(const char *name)
{
        const char *at = strchr(name, '@');

        return at && at[1] == '.' && strrchr(name, '.') == at + 1;
}

int signal_from_name(const char *text)
{
        const char *name = g_str_has_prefix(text, "SIG") ? text + 3 : text;
        guint64 offset;

        if (g_str_has_prefix(name, "RTMIN+") &&
            g_ascii_string_to_unsigned(name + 6, 10, 0, (guint64) (SIGRTMAX - SIGRTMIN), &offset, NULL))
                return SIGRTMIN + (int) offset;
        for (int s = 1; s < SIGRTMIN; s++)
                if (g_strcmp0(sigabbrev_np(s), name) == 0)
                        return s;
        return 0;
}

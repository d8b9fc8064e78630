/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/readable.h"

#include <systemd/sd-bus.h>

/* A unit's reader: as whom its processes read their files, as systemd.exec(5) has it. */

typedef struct UnitReader {
        char *user, *group; /* as the unit says; "": it does not */
        char **supplementary;
        bool is_exempt; /* what it can read is not told by owners and modes alone */
} UnitReader;

/* Takes over what an answer to Properties.GetAll of a service says (a{sv}); what it does not know is passed over. `files`
 * are those that it is to read: one that systemd reads for it (LoadCredential=) exempts it. Returns 0 or -errno. */
int unit_reader_read(UnitReader *r, sd_bus_message *properties, const char *const *files);
void unit_reader_clear(UnitReader *r);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UnitReader, unit_reader_clear)

/* There is something to judge: it does not run as root, and is not exempt. */
bool unit_reader_is_judged(const UnitReader *r);

/* Who that is on this host; false when it cannot be found out. Asks the user database, so it may block. `ret->groups` is
 * the caller's. */
bool unit_reader_look_up(const UnitReader *r, ReaderIds *ret);

/* Names as the user database has them, else the number; asks it, so it may block. Caller owns. */
char *unit_reader_user_name(uid_t uid);
char *unit_reader_group_name(gid_t gid);

/* `the user "postgres" of postgresql.service cannot read …`, with the hint what to change; CERT_ERROR_UNIT_FAILED. Asks the
 * user database for names. `certificate` is the name in the manifest; `is_key`: the file holds a key. */
GError *unit_reader_error(const UnitReader *r, const ReaderIds *who, const char *unit, const char *certificate,
                          const char *file, bool is_key, const PathStep *steps, size_t n);

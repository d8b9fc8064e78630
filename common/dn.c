/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Distinguished names as text (RFC 4514). It owns nothing. */

#include "common/dn.h"

#include <glib.h>
#include <stdbool.h>

/* RFC 4514, section 2.4: two hexadecimal digits. A NUL stays as it is written: nothing may look as if it ended there. */
static int hex_pair(const char *from)
{
        if (from[0] != '\\' || !g_ascii_isxdigit(from[1]) || !g_ascii_isxdigit(from[2]))
                return 0;
        return g_ascii_xdigit_value(from[1]) << 4 | g_ascii_xdigit_value(from[2]);
}

char *dn_value_unescape(char *value)
{
        const char *from = value;
        char *to = value;

        while (*from) {
                int byte = hex_pair(from);
                bool escaped = *from == '\\' && from[1] && from[1] != '0';

                if (byte > 0) {
                        *to++ = (char) byte;
                        from += 3;
                        continue;
                }
                from += escaped;
                *to++ = *from++;
        }
        *to = '\0';
        return value;
}

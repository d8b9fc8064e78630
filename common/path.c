/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the host's files are: the one function through which every absolute path passes. */

#include "common/path.h"

#include "common/names.h"

#include <glib.h>

char *host_path(const char *absolute)
{
#if TEST_ROOT
        const char *root = g_getenv(CERT_ENV_TEST_ROOT);

        if (root && *root)
                return g_strconcat(root, absolute, NULL);
#endif
        return g_strdup(absolute);
}

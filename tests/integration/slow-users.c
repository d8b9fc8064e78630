/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A library to preload: a user database that never answers when it is asked for the user SLOW_USER, as one on a
 * network may do. Every other user is found. */

#include <dlfcn.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) int getpwnam_r(const char *restrict name, struct passwd *restrict entry,
                                                      char *restrict buffer, size_t size,
                                                      struct passwd **restrict ret)
{
        int (*real)(const char *, struct passwd *, char *, size_t, struct passwd **) = dlsym(RTLD_NEXT, "getpwnam_r");
        const char *slow = getenv("SLOW_USER");

        while (slow && strcmp(name, slow) == 0)
                pause();
        return real(name, entry, buffer, size, ret);
}

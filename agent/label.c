/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SELinux labels of new files. Owns the handle to the policy's table of paths. */

#include "agent/label.h"

#if HAVE_SELINUX

#include "common/log.h"

#include <errno.h>
#include <selinux/label.h>
#include <selinux/selinux.h>

struct Labels {
        struct selabel_handle *handle;
};

Labels *labels_new(void)
{
        struct selabel_handle *handle;
        Labels *l;

        if (is_selinux_enabled() <= 0)
                return NULL;
        handle = selabel_open(SELABEL_CTX_FILE, NULL, 0);
        if (!handle) {
                log_warning("The SELinux policy's file contexts cannot be read (%s): new files get their "
                            "folder's label, "
                            "ignoring",
                            g_strerror(errno));
                return NULL;
        }
        l = g_new(Labels, 1);
        l->handle = handle;
        return l;
}

Labels *labels_free(Labels *l)
{
        if (!l)
                return NULL;
        selabel_close(l->handle);
        g_free(l);
        return NULL;
}

void labels_enter(Labels *l, const char *path, mode_t type)
{
        char *context = NULL;

        if (!l)
                return;
        /* ENOENT: the policy leaves this path to the folder's label. */
        if (selabel_lookup_raw(l->handle, &context, path, (int) type) < 0) {
                if (errno != ENOENT)
                        log_warning("No SELinux label can be found for %s (%s), ignoring", path,
                                    g_strerror(errno));
                return;
        }
        if (setfscreatecon_raw(context) < 0)
                log_warning("The SELinux label %s cannot be set for %s (%s), ignoring", context, path,
                            g_strerror(errno));
        freecon(context);
}

void labels_leave(Labels *l)
{
        if (l)
                (void) setfscreatecon_raw(NULL);
}

#else

struct Labels {
        int none;
};

Labels *labels_new(void)
{
        return NULL;
}

Labels *labels_free(Labels *l)
{
        return NULL;
}

void labels_enter(Labels *l, const char *path, mode_t type)
{
}

void labels_leave(Labels *l)
{
}

#endif

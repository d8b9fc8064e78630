/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/folder.h"
#include "agent/intent.h"
#include "agent/label.h"

#include <glib.h>
#include <stdbool.h>

/* A step: one name that an install replaces, what is staged for it, and what stood there before, so that the
 * step can be undone. The folder is borrowed. Errors are INSTALL_FAILED. */

typedef struct Step {
        Change *change; /* owned by the list that it was put in */
        Folder *folder;
        char *name;         /* the target's, bare */
        mode_t before_type; /* S_IFMT bits; 0: nothing stood there */
        GBytes *before_content;
        char *before_link;
        FileAttributes before_attributes;
        bool done;
} Step;

/* Looks at the target and stages what is to take its place; *ret_step is NULL when content, owner and mode
 * are as they should be already. `path` is the target's. A folder in its place is an error. */
bool step_new_file(Folder *folder, const char *path, ManagedFile file, GBytes *content,
                   const FileAttributes *a, Labels *labels, bool sync, Step **ret_step, GError **error);
bool step_new_link(Folder *folder, const char *path, const char *text, Labels *labels, Step **ret_step,
                   GError **error);
Step *step_free(Step *s);

/* Renames what was staged. */
bool step_do(Step *s, GError **error);

/* Puts back what stood there before, or only removes what was staged. What was neither a file nor a link
 * cannot be put back; nor can a file of more than 8 MiB. */
bool step_undo(Step *s, GError **error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/folder.h"
#include "agent/generation.h"
#include "agent/label.h"

#include <glib.h>
#include <stdbool.h>

/* The `directory` layout: FOLDER/NAME is a symbolic link to FOLDER/.NAME.cert-agent/NUMBER, which holds all
 * files of one generation and is never changed once the link led to it. `parent` is FOLDER. Errors are
 * INSTALL_FAILED. */

/* Where a reader finds one of a certificate's files, in either layout; the caller owns it. NULL: it has none such. */
char *layout_file_path(const ManifestCertificate *c, ManagedFile f);

/* Makes the generation's folder, or finds one that is exactly so already; *ret_link is what the link must
 * say, caller owns. Nothing is synced: the caller does that before it flips the link. */
bool layout_write(const Folder *parent, const ManifestCertificate *c, const Generation *g, Labels *labels,
                  char **ret_link, GError **error);

/* The folder that holds the generations' (O_RDONLY, caller closes), or -1. `parent` is FOLDER's descriptor. *ret_generations
 * are their names (char *); *ret_current is the one that the link leads to, or NULL. The caller owns both. */
int layout_open_store(int parent, const ManifestCertificate *c, GPtrArray **ret_generations, char **ret_current);
/* Where a generation's file lies in there; the caller owns it. */
char *layout_generation_path(const ManifestCertificate *c, const char *generation, const char *file);

/* Removes old folders: all but the newest c->keep, the one that `link` names and the one that `before` names
 * (what the link said until now, NULL for nothing: readers may be in it). */
void layout_prune(const Folder *parent, const ManifestCertificate *c, const char *link, const char *before);

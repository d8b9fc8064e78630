/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* A watch of one authority's folder, for one caller: a call is answered when something has changed there since the
 * watch began, or since the last answer. What changes while no call waits is kept for the next. */

typedef struct FolderWatch FolderWatch;

/* Begins. CERT_ERROR_KEY_STORAGE. */
FolderWatch *folder_watch_new(sd_event *event, const char *authority, GError **error);
FolderWatch *folder_watch_free(FolderWatch *w); /* what waits is not answered; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FolderWatch, folder_watch_free)

/* It watches this authority, and nothing went wrong: else another is to be begun. */
bool folder_watch_is_of(const FolderWatch *w, const char *authority);

/* Answers the call (of Watch) when something changes; one that waits already is answered now. Returns as a method's
 * handler does. */
int folder_watch_answer(FolderWatch *w, sd_bus_message *call);

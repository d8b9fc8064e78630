/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands in an intent's file, it is no intent, or one that only names what an install would rename. */

#include "agent/folder.h"
#include "agent/intent-private.h"
#include "agent/stage.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
        g_assert_true(!path || (g_path_is_absolute(path) && !g_str_has_suffix(path, "/")));
}

static void check_change(const Change *c)
{
        g_assert_nonnull(c->path);
        check_path(c->path);
        g_assert_true(stage_is_name(c->staged, NULL));
        g_assert_null(strchr(c->staged, '/'));
        g_assert_true(c->file == _MANAGED_FILE_INVALID || (c->file >= 0 && c->file < _MANAGED_FILE_MAX));
        g_assert_cmpint(c->digest != NULL, ==, c->link == NULL);
        g_assert_cmpint(c->digest != NULL, ==, c->file >= 0);
        g_assert_true(!c->digest || strlen(c->digest) == 64);
        g_assert_cmpuint(c->attributes.mode & ~0777u, ==, 0);
}

static void check_item(const IntentItem *item)
{
        g_assert_true(folder_name_is_safe(item->name));
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                check_path(item->path[f]);
        check_path(item->directory);
        g_assert_cmpuint(item->changes->len, >, 0);
        for (unsigned i = 0; i < item->changes->len; i++)
                check_change(item->changes->pdata[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GBytes) content = g_bytes_new(data, size), written = NULL;
        g_autoptr(Intent) intent = intent_from_json(content), again = NULL;
        g_autofree char *text_again = NULL;
        size_t length;
        char *text;

        if (!intent)
                return 0;
        for (unsigned i = 0; i < intent->items->len; i++)
                check_item(intent->items->pdata[i]);
        text = intent_to_json(intent, &length);
        written = g_bytes_new_take(text, length);
        again = intent_from_json(written);
        g_assert_nonnull(again);
        text_again = intent_to_json(again, &length);
        g_assert_cmpmem(g_bytes_get_data(written, NULL), g_bytes_get_size(written), text_again, length);
        return 0;
}

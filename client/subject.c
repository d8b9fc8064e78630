/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A subject: whatever the agent keeps and gives a name. The name says of which kind it is, and so how it is
 * got. */

#include "client/subject.h"

#include "client/authority.h"
#include "client/bundle.h"
#include "common/suggest.h"

static const struct {
        const char *name, *prefix;
        const FieldTable *table;
} kinds[_SUBJECT_KIND_MAX] = {
        [SUBJECT_CERTIFICATE] = { "certificate", "", &cert_detail_table },
        [SUBJECT_AUTHORITY] = { "authority", SUBJECT_AUTHORITY_PREFIX, &authority_table },
        [SUBJECT_BUNDLE] = { "bundle", SUBJECT_BUNDLE_PREFIX, &bundle_table },
        [SUBJECT_CRL] = { "crl", SUBJECT_CRL_PREFIX, &bundle_table },
};

SubjectKind subject_kind_of(const char *name)
{
        for (SubjectKind k = SUBJECT_AUTHORITY; k < _SUBJECT_KIND_MAX; k++)
                if (g_str_has_prefix(name, kinds[k].prefix))
                        return k;
        return SUBJECT_CERTIFICATE;
}

const char *subject_kind_to_string(SubjectKind kind)
{
        return (int) kind >= 0 && kind < _SUBJECT_KIND_MAX ? kinds[kind].name : NULL;
}

const FieldTable *subject_table(SubjectKind kind)
{
        return kinds[kind].table;
}

/* ---- One of them ---- */

static Authority *get_authority(sd_bus *bus, const char *issuer, bool ask, GError **ret_unasked,
                                GError **error)
{
        Authority *a = authority_get(bus, issuer, error);

        if (a && ask)
                (void) authority_ask(bus, a, ret_unasked);
        return a;
}

Subject *subject_get(sd_bus *bus, const char *name, bool ask, GError **ret_unasked, GError **error)
{
        SubjectKind kind = subject_kind_of(name);
        Subject *s;
        void *object;

        if (kind == SUBJECT_AUTHORITY)
                object = get_authority(bus, authority_issuer_of(name), ask, ret_unasked, error);
        else if (kind == SUBJECT_CERTIFICATE)
                object = cert_detail_get(bus, name, error);
        else
                object = bundle_get(bus, name, error);
        if (!object)
                return NULL;
        s = g_new(Subject, 1);
        *s = (Subject){ kind, subject_table(kind), object };
        return s;
}

Subject *subject_free(Subject *s)
{
        if (!s)
                return NULL;
        if (s->kind == SUBJECT_CERTIFICATE)
                cert_detail_free(s->object);
        else if (s->kind == SUBJECT_AUTHORITY)
                authority_free(s->object);
        else
                bundle_free(s->object);
        g_free(s);
        return NULL;
}

CertRow subject_row(const Subject *s)
{
        const CertDetail *d = s->object;

        if (s->kind == SUBJECT_AUTHORITY)
                return authority_row(s->object);
        if (s->kind != SUBJECT_CERTIFICATE)
                return bundle_row(s->object);
        return (CertRow){ d->name, d->state, d->issuer, d->not_after, d->next_renewal, "" };
}

SubjectFailure subject_failure(const Subject *s)
{
        const CertDetail *d = s->object;
        const Authority *a = s->object;
        const Bundle *b = s->object;

        if (s->kind == SUBJECT_AUTHORITY)
                return (SubjectFailure){ a->message, a->hint, a->retry_at };
        if (s->kind != SUBJECT_CERTIFICATE)
                return (SubjectFailure){ b->message, b->hint, b->retry_at };
        return (SubjectFailure){ d->last_error, d->hint, d->retry_at };
}

/* ---- Lists ---- */

bool subject_find(GPtrArray *list, SubjectNameFunction name_of, const char *name, guint *ret_index)
{
        for (guint i = 0; i < list->len; i++)
                if (g_str_equal(name_of(list->pdata[i]), name)) {
                        *ret_index = i;
                        return true;
                }
        return false;
}

void subject_no_such(GPtrArray *list, SubjectNameFunction name_of, const char *name, CertError code,
                     const char *kind, const char *command, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autofree char *hint = NULL;
        const char *meant;

        for (guint i = 0; i < list->len; i++)
                g_ptr_array_add(names, (gpointer) name_of(list->pdata[i]));
        meant = suggest_word(name, (const char *const *) names->pdata, names->len);
        hint = meant ? g_strdup_printf("Did you mean \"%s\"?", meant)
                     : g_strdup_printf("See the names that there are with: %s", command);
        g_set_error(error, CERT_ERROR, code, "there is no %s \"%s\"\n%s", kind, name, hint);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the manifest's documents say and what its reader does are one: the keys of the JSON Schema and of the
 * manual page, and the manual's examples. */

#include "tests/unit/manifest-host.h"

#define MANUAL "../../docs/cert-agent.manifest.5"
#define SCHEMA "../../agent/manifest.schema.json"

static char *read_document(const char *name)
{
        g_autofree char *file = g_build_filename(g_getenv("G_TEST_SRCDIR"), name, NULL);
        g_autoptr(GError) error = NULL;
        char *text = NULL;

        g_file_get_contents(file, &text, NULL, &error);
        g_assert_no_error(error);
        return text;
}

static JsonDocument *read_schema(void)
{
        char *text = read_document(SCHEMA);
        JsonDocument *d = json_document_new(text, strlen(text));

        g_assert_cmpuint(json_document_faults(d)->len, ==, 0);
        return d;
}

/* "a/b/c" from the top. */
static const JsonValue *schema_at(const JsonDocument *d, const char *path)
{
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        const JsonValue *v = json_document_root(d);

        for (char **part = parts; *part; part++) {
                v = json_value_member(v, *part);
                if (!v)
                        g_error("the schema has no %s", path);
        }
        return v;
}

/* Objects of the manifest: what reads them, where the schema has their keys, and where the manual does. */
typedef struct Object {
        const ManifestField *(*fields)(size_t *ret_n);
        const char *schema, *manual_from, *manual_to;
        bool is_default;
} Object;

static const Object objects[] = {
        { manifest_certificate_fields, "$defs/certificate/properties", ".Sh CERTIFICATES\n", ".Sh DEFAULTS\n",
          false },
        { manifest_certificate_fields, "properties/defaults/properties", ".Sh DEFAULTS\n", ".Sh ISSUERS\n",
          true },
        { manifest_authority_fields, "$defs/authority/properties", ".Sh ISSUERS\n", ".Sh BUNDLES\n", false },
        { manifest_authority_key_fields, "$defs/authority/properties/key/properties", ".Sh ISSUERS\n",
          ".Sh BUNDLES\n", false },
        { manifest_authority_name_fields, "$defs/authority/properties/names/properties", ".Sh ISSUERS\n",
          ".Sh BUNDLES\n", false },
        { manifest_step_fields, "$defs/step/properties", ".Sh ISSUERS\n", ".Sh BUNDLES\n", false },
        { manifest_csr_fields, "$defs/csr/properties", ".Sh ISSUERS\n", ".Sh BUNDLES\n", false },
        { manifest_bundle_fields, "$defs/bundle/properties", ".Sh BUNDLES\n", ".Sh FILES\n", false },
};

static bool is_wanted(const Object *o, const ManifestField *field)
{
        return !(o->is_default && field->no_default);
}

static void test_the_schema_knows_the_same_keys(Host *h, const void *data)
{
        g_autoptr(JsonDocument) d = read_schema();

        for (size_t i = 0; i < G_N_ELEMENTS(objects); i++) {
                const JsonValue *properties = schema_at(d, objects[i].schema);
                size_t n, wanted = 0, members = 0;
                const ManifestField *fields = objects[i].fields(&n);

                for (size_t j = 0; j < n; j++) {
                        if (!is_wanted(&objects[i], &fields[j]))
                                continue;
                        wanted++;
                        if (!json_value_member(properties, fields[j].key))
                                g_error("%s lacks \"%s\"", objects[i].schema, fields[j].key);
                }
                for (const JsonValue *v = properties->first; v; v = v->next)
                        members++;
                g_assert_cmpuint(members, ==, wanted);
        }
}

/* The part of the manual between two lines; caller owns. */
static char *manual_part(const char *manual, const char *from, const char *to)
{
        const char *start = strstr(manual, from), *end = start ? strstr(start, to) : NULL;

        if (!end)
                g_error("the manual has no part from %s to %s", from, to);
        return g_strndup(start, (size_t) (end - start));
}

static void test_the_manual_has_every_key(Host *h, const void *data)
{
        g_autofree char *manual = read_document(MANUAL);

        for (size_t i = 0; i < G_N_ELEMENTS(objects); i++) {
                g_autofree char *part = manual_part(manual, objects[i].manual_from, objects[i].manual_to);
                size_t n;
                const ManifestField *fields = objects[i].fields(&n);

                for (size_t j = 0; j < n; j++) {
                        g_autofree char *item = g_strdup_printf(".It Cm %s\n", fields[j].key);

                        if (!objects[i].is_default && !strstr(part, item))
                                g_error("the manual does not explain \"%s\" between %s and %s", fields[j].key,
                                        objects[i].manual_from, objects[i].manual_to);
                }
        }
}

/* Every name of a property, wherever it stands. */
static void collect_properties(const JsonValue *v, GHashTable *names)
{
        if (v->kind != JSON_KIND_OBJECT && v->kind != JSON_KIND_ARRAY)
                return;
        for (const JsonValue *member = v->first; member; member = member->next) {
                if (member->key && member->kind == JSON_KIND_OBJECT && g_str_equal(member->key, "properties"))
                        for (const JsonValue *p = member->first; p; p = p->next)
                                g_hash_table_add(names, (void *) p->key);
                collect_properties(member, names);
        }
}

static void test_the_manual_invents_no_key(Host *h, const void *data)
{
        g_autofree char *manual = read_document(MANUAL);
        g_auto(GStrv) lines = g_strsplit(manual, "\n", -1);
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(JsonDocument) d = read_schema();

        collect_properties(json_document_root(d), names);
        for (char **line = lines; *line; line++)
                if (g_str_has_prefix(*line, ".It Cm ") &&
                    !g_hash_table_contains(names, *line + strlen(".It Cm ")))
                        g_error("no manifest has \"%s\"", *line);
}

/* The whole manifests among the manual's examples; caller owns. */
static GPtrArray *manual_examples(const char *manual)
{
        GPtrArray *examples = g_ptr_array_new_with_free_func(g_free);

        for (const char *p = manual; (p = strstr(p, ".Bd -literal -offset indent\n"));) {
                const char *start = strchr(p, '\n') + 1, *end = strstr(start, ".Ed\n");

                g_assert_nonnull(end);
                if (*start == '{')
                        g_ptr_array_add(examples, g_strndup(start, (size_t) (end - start)));
                p = end;
        }
        return examples;
}

static void test_the_manual_s_examples_are_without_fault(Host *h, const void *data)
{
        g_autofree char *manual = read_document(MANUAL);
        g_autoptr(GPtrArray) examples = manual_examples(manual);

        g_assert_cmpuint(examples->len, >=, 4);
        install_step(h);
        install_csr(h);
        for (unsigned i = 0; i < examples->len; i++) {
                g_test_message("%s", (char *) examples->pdata[i]);
                write_text(h, CERT_MANIFEST_FILE, examples->pdata[i]);
                load(h);
                for (unsigned j = 0; j < h->problems->len; j++) {
                        const ManifestProblem *p = h->problems->pdata[j];

                        /* The only thing that another host may lack. */
                        if (!g_str_has_prefix(p->message, "there is no user ") &&
                            !g_str_has_prefix(p->message, "there is no group "))
                                g_error("%s: %s", p->path, p->message);
                }
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!TEST_ROOT) {
                g_print("1..0 # SKIP needs a build with -Dtest-root=true\n");
                return 0;
        }
        add("the-schema-knows-the-same-keys", test_the_schema_knows_the_same_keys);
        add("the-manual-has-every-key", test_the_manual_has_every_key);
        add("the-manual-invents-no-key", test_the_manual_invents_no_key);
        add("the-manual-s-examples-are-without-fault", test_the_manual_s_examples_are_without_fault);
        return g_test_run();
}

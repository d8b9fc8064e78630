/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an issuer's process is told: its object as the manifest has it, its name, and the environment of the
 * host. */

#include "agent/issuer-config.h"
#include "common/error.h"
#include "common/timespan.h"

#include <json-glib/json-glib.h>

static ManifestIssuer issuer_of(const char *config, const char *environment)
{
        return (ManifestIssuer){ .name = (char *) "site",
                                 .type = (char *) "local",
                                 .environment = (char *) environment,
                                 .config = (char *) config };
}

/* A member of what the process gets; caller owns. */
static char *told(const char *config, const char *environment, const char *key)
{
        const ManifestIssuer issuer = issuer_of(config, environment);
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autoptr(GError) error = NULL;
        g_autofree char *text = issuer_config_text(&issuer, &error);
        JsonObject *object;

        g_assert_no_error(error);
        g_assert_true(json_parser_load_from_data(parser, text, -1, &error));
        object = json_node_get_object(json_parser_get_root(parser));
        return g_strdup(json_object_get_string_member_with_default(object, key, NULL));
}

static void test_the_process_gets_name_and_environment(void)
{
        static const char *const configs[] = {
                "{\"type\": \"local\", \"subject\": \"CN=x\"}",
                "{\"subject\": \"CN=x\", \"environment\": \"lab\", \"name\": \"forged\"}"
        };

        for (size_t i = 0; i < G_N_ELEMENTS(configs); i++) {
                g_autofree char *name = told(configs[i], "lab", "name"),
                                *environment = told(configs[i], "lab", "environment"),
                                *subject = told(configs[i], "lab", "subject");

                g_assert_cmpstr(name, ==, "site");
                g_assert_cmpstr(environment, ==, "lab");
                g_assert_cmpstr(subject, ==, "CN=x");
        }
}

static void test_without_an_environment_none_is_told(void)
{
        g_autofree char *environment = told("{}", NULL, "environment");

        g_assert_null(environment);
}

static void test_what_is_no_object_is_refused(void)
{
        static const char *const configs[] = { "", "[]", "7", "{" };

        for (size_t i = 0; i < G_N_ELEMENTS(configs); i++) {
                const ManifestIssuer issuer = issuer_of(configs[i], "lab");
                g_autoptr(GError) error = NULL;

                g_assert_null(issuer_config_text(&issuer, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
        }
}

static void test_a_timeout_is_bounded(void)
{
        static const struct {
                const char *config;
                uint64_t usec;
        } cases[] = {
                { "{}", 30 * USEC_PER_SEC },
                { "{\"timeout\": \"5s\"}", 5 * USEC_PER_SEC },
                { "{\"timeout\": \"1us\"}", USEC_PER_SEC / 10 },
                { "{\"timeout\": \"1w\"}", USEC_PER_HOUR },
                { "{\"timeout\": 5}", 30 * USEC_PER_SEC },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const ManifestIssuer issuer = issuer_of(cases[i].config, NULL);

                g_assert_cmpuint(issuer_config_timeout(&issuer), ==, cases[i].usec);
        }
}

static void test_connections_are_the_manifest_s_or_the_type_s(void)
{
        ManifestIssuer local = issuer_of("{}", NULL), step = issuer_of("{}", NULL);

        step.type = (char *) "step";
        g_assert_cmpuint(issuer_config_connections(&local), ==, g_get_num_processors());
        g_assert_cmpuint(issuer_config_connections(&step), ==, 4);
        step.connections = 17;
        g_assert_cmpuint(issuer_config_connections(&step), ==, 17);
        g_assert_cmpuint(issuer_config_processes("local"), ==, g_get_num_processors());
        g_assert_cmpuint(issuer_config_processes("step"), ==, 64);
        g_assert_cmpuint(issuer_config_timeout(&step), ==, 60 * USEC_PER_SEC);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/issuer-config/name-and-environment", test_the_process_gets_name_and_environment);
        g_test_add_func("/issuer-config/no-environment", test_without_an_environment_none_is_told);
        g_test_add_func("/issuer-config/no-object", test_what_is_no_object_is_refused);
        g_test_add_func("/issuer-config/timeout", test_a_timeout_is_bounded);
        g_test_add_func("/issuer-config/connections", test_connections_are_the_manifest_s_or_the_type_s);
        return g_test_run();
}

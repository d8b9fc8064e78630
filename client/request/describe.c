/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Telling of requests: a block of labelled lines, as status shows a certificate, or JSON. */

#include "client/request/describe.h"

#include "client/detail.h"
#include "client/when.h"
#include "common/san.h"
#include "common/timespan.h"
#include "issuers/local/foreign.h"

#include <stdio.h>
#include <string.h>

#define SOME_NAMES 10

/* Without a word of its own a request is for a server. */
static Usage usage_of(const RequestFacts *f, const Wish *wish)
{
        Usage asked = f->usage & (USAGE_SERVER | USAGE_CLIENT);

        return wish->usage ?: asked ?: USAGE_SERVER;
}

/* As the authority will have them; caller owns. */
static char **normal_names(char **texts, GError **error)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();

        for (char **text = texts; *text; text++) {
                g_autoptr(San) san = san_parse(*text, error);
                g_autofree char *name = san ? san_to_string(san) : NULL;

                if (!name)
                        return NULL;
                g_strv_builder_add(names, name);
        }
        return g_strv_builder_end(names);
}

bool describe_verdict(const RequestFacts *f, const Wish *wish, GError **error)
{
        g_auto(ForeignOptions) options = { .usage = wish->usage };
        g_autoptr(Foreign) foreign = NULL;
        g_autoptr(GError) wrong = NULL;

        if (wish->names && !(options.names = normal_names(wish->names, error)))
                return false;
        foreign = foreign_new(f->der, &options, &wrong);
        if (foreign)
                return true;
        g_set_error(error, wrong->domain, wrong->code, "%s%s", wrong->message,
                    strchr(wrong->message, '\n') ? "" : "\nNothing was signed. Have another request made.");
        return false;
}

/* ---- In words ---- */

static void print_usage(const Client *client, const char *label, Usage usage)
{
        g_auto(GStrv) words = usage_to_strv(usage);
        g_autofree char *text = g_strjoinv(" and ", words);

        detail_line(client, label, text);
}

/* All, so that nobody signs what was not to be seen; of so many that they are not signed, some. */
static void print_names(const Client *client, const char *label, char **names, guint count)
{
        g_autoptr(GString) text = g_string_new(NULL);
        guint told = count > REQUEST_NAMES_KEPT ? SOME_NAMES : count;

        for (guint i = 0; i < told && names[i]; i++)
                g_string_append_printf(text, "%s%s", i > 0 ? " " : "", names[i]);
        if (told < count)
                g_string_append_printf(text, " ... and %u more", count - told);
        detail_line(client, label, text->str);
}

static void print_key(const Client *client, const RequestFacts *f)
{
        g_autofree char *text =
                g_strdup_printf("%s, %u bits, strength: %s", f->key_type, f->key_bits, f->strength);

        detail_line(client, "Key", text);
}

void describe_request(const Client *client, const RequestFacts *f, uint64_t made)
{
        bool colour = client->terminal.colour_out;

        printf("%sCertificate signing request%s\n", style_on(colour, STYLE_BOLD),
               style_off(colour, STYLE_BOLD));
        detail_line(client, "Subject", *f->subject ? f->subject : "(empty)");
        print_names(client, "Names", f->names.texts, f->names.count);
        print_key(client, f);
        print_usage(client, "Asks for", f->usage);
        detail_time(client, "Made", made, now_realtime());
        detail_line(client, "Signature", f->is_proven ? "by its key" : "not by its key, or worthless");
}

static void print_left_out(const Client *client, const RequestFacts *f, const Wish *wish)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new();
        g_autofree char *text = NULL;

        if (wish->names && f->names.count > 0)
                g_ptr_array_add(list, "its names");
        if (wish->usage && f->usage && f->usage != wish->usage)
                g_ptr_array_add(list, "its usage");
        for (guint i = 0; i < f->left_out->len; i++)
                g_ptr_array_add(list, f->left_out->pdata[i]);
        g_ptr_array_add(list, NULL);
        text = g_strjoinv(", ", (char **) list->pdata);
        detail_line(client, "Not taken", text);
}

void describe_wish(const Client *client, const RequestFacts *f, const Wish *wish)
{
        bool colour = client->terminal.colour_out;
        g_autofree char *issuer = terminal_clean(&client->terminal, wish->issuer, false), *lifetime = NULL;

        print_left_out(client, f, wish);
        printf("%sWhat \"%s\" is to certify%s\n", style_on(colour, STYLE_BOLD), issuer,
               style_off(colour, STYLE_BOLD));
        detail_line(client, "Subject", *f->subject ? f->subject : "(empty)");
        if (wish->names)
                print_names(client, "Names", wish->names, g_strv_length(wish->names));
        else
                print_names(client, "Names", f->names.texts, f->names.count);
        print_usage(client, "Usage", usage_of(f, wish));
        lifetime = wish->lifetime ? g_strdup_printf("%s, and not beyond the authority's own end", wish->lifetime) : NULL;
        detail_line(client, "Lifetime", lifetime ?: "as long as the authority gives its certificates");
}

/* ---- As JSON ---- */

static void add_list(JsonOut *j, const char *key, GPtrArray *texts)
{
        json_out_begin(j, key, '[');
        for (guint i = 0; i < texts->len; i++)
                json_out_string(j, NULL, texts->pdata[i]);
        json_out_end(j);
}

void describe_request_json(const RequestFacts *f, JsonOut *j)
{
        g_auto(GStrv) usage = usage_to_strv(f->usage);

        json_out_string(j, "subject", f->subject);
        json_out_strv(j, "names", f->names.texts);
        json_out_number(j, "names_count", f->names.count);
        json_out_strv(j, "usage", usage);
        json_out_string(j, "key_type", f->key_type);
        json_out_number(j, "key_bits", f->key_bits);
        json_out_string(j, "key_strength", f->strength);
        json_out_bool(j, "signature_valid", f->is_proven);
        add_list(j, "not_taken", f->left_out);
}

void describe_issued_json(const IssuedFacts *f, JsonOut *j)
{
        json_out_string(j, "serial_number", f->serial);
        json_out_string(j, "subject", f->subject);
        json_out_strv(j, "names", f->names);
        json_out_strv(j, "usage", f->usage);
        json_out_number(j, "not_before", f->not_before);
        json_out_number(j, "not_after", f->not_after);
        json_out_string(j, "fingerprint", f->fingerprint);
        json_out_string(j, "certificate", f->pem->pdata[0]);
        json_out_begin(j, "chain", '[');
        for (guint i = 1; i + 1 < f->pem->len; i++)
                json_out_string(j, NULL, f->pem->pdata[i]);
        json_out_end(j);
        json_out_string(j, "ca", f->pem->len > 1 ? f->pem->pdata[f->pem->len - 1] : "");
}

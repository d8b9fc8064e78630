/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certctl: the command by which people and scripts speak with cert-agent. From the words of the command line
 * to the verb that does them. */

#include "client/client.h"
#include "client/connect.h"
#include "client/verbs.h"

#include <locale.h>
#include <stdio.h>

static ExitStatus run_verb(const Client *client, OptionsVerdict verdict, char **words)
{
        size_t n_words;
        const Verb *verb = verb_find(words, &n_words);
        char **arguments = words + n_words;

        if (!verb) {
                const char *meant = verb_suggest(words[0]);

                return meant ? client_usage("there is no verb \"%s\"; did you mean \"%s\"?", words[0], meant)
                             : client_usage("there is no verb \"%s\"; see: certctl --help", words[0]);
        }
        if (verdict == OPTIONS_HELP) {
                verb_print_help(verb);
                return EXIT_STATUS_DONE;
        }
        if (!verb_check_usage(verb, &client->options, (int) g_strv_length(arguments)))
                return EXIT_STATUS_USAGE;
        return verb->run(client, arguments);
}

static ExitStatus run(int argc, char **argv, Client *client)
{
        OptionsVerdict verdict;
        int first;

        verdict = options_parse(&client->options, argc, argv, &first);
        if (verdict == OPTIONS_WRONG)
                return EXIT_STATUS_USAGE;
        if (verdict == OPTIONS_VERSION) {
                printf("cert-agent " PROJECT_VERSION "\n");
                return EXIT_STATUS_DONE;
        }
        terminal_probe(&client->terminal);
        if (first < argc)
                return run_verb(client, verdict, argv + first);
        if (verdict == OPTIONS_HELP) {
                verb_print_help(NULL);
                return EXIT_STATUS_DONE;
        }
        return client_usage("say what to do, such as: certctl status; see: certctl --help");
}

/* Output that could not be written is a failure: a script must not take a cut list for the whole. */
int main(int argc, char **argv)
{
        Client client = {};
        ExitStatus status;

        setlocale(LC_ALL, "");
        status = run(argc, argv, &client);
        options_clear(&client.options);
        if (fflush(stdout) == EOF && status == EXIT_STATUS_DONE) {
                perror("certctl: writing the output");
                status = EXIT_STATUS_FAILED;
        }
        return status;
}

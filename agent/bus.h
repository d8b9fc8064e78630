/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/agent.h"
#include "agent/polkit.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* The bus: the agent's objects, served alike on the system bus and on every peer of the private socket, and the
 * signals that tell all of them what changed. The objects stand in bus-manager.c, bus-certificate.c and bus-job.c. */

typedef struct Bus Bus;

Bus *bus_new(Agent *agent, sd_event *event, Polkit *polkit);
Bus *bus_free(Bus *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bus, bus_free)

/* Serves the objects on the system bus; borrowed until bus_free(). */
bool bus_serve(Bus *b, sd_bus *system_bus, GError **error);

/* Accepts peers on a listening socket (not owned); at most 64 at a time. */
bool bus_listen(Bus *b, int fd, GError **error);
/* Accepts no more: who comes now waits for the next agent. */
void bus_stop_listening(Bus *b);

unsigned bus_peers(const Bus *b);
/* When the last message came in, CLOCK_MONOTONIC microseconds. */
uint64_t bus_last_activity(const Bus *b);

/* ---- For the objects' files ---- */

Agent *bus_agent(Bus *b);
Polkit *bus_polkit(Bus *b);

/* Adds one kind of object to a connection; negative errno. */
int bus_manager_add(Bus *b, sd_bus *connection);
int bus_certificate_add(Bus *b, sd_bus *connection);
int bus_job_add(Bus *b, sd_bus *connection);

/* Object paths; the caller owns them. */
char *bus_certificate_path(const char *name);
char *bus_job_path(unsigned id);

/* Answers a message, as a handler does: what it returns when it is negative is the answer. */
typedef int (*BusAnswer)(Bus *b, sd_bus_message *m, sd_bus_error *ret_error);
/* Has these authorities (Authority*) asked what they have, then answers; at once when there are none. */
int bus_ask_authorities(Bus *b, sd_bus_message *m, GPtrArray *authorities, BusAnswer answer, sd_bus_error *ret_error);
/* The caller is authorised: has the certificate in place revoked by its issuer, then issued anew with another key. */
int bus_revoke(Bus *b, sd_bus_message *m, Certificate *c, const char *reason, sd_bus_error *ret_error);

/* An authority that the manifest has. NULL: with what the handler returns in *ret_r, and why in `ret_error`. */
Authority *bus_find_authority(Bus *b, const char *issuer, int *ret_r, sd_bus_error *ret_error);

/* Reads its name, which comes next in a call, and answers when it was asked what it has; as a handler returns. */
int bus_ask_authority(Bus *b, sd_bus_message *m, BusAnswer answer, sd_bus_error *ret_error);

/* Of those who wait for an authority's answer there are not more than so many (agent_holds()); anybody may ask for a list, so
 * that those who may do more have places of their own. */
#define BUS_LISTING_MAX 16
#define BUS_SIGNING_MAX 32

/* Whether a reason for a revocation may be one; the authority knows which there are. Asked before polkit is: what anybody sends
 * is kept, and handed on, while polkit asks. 0, or as a handler returns. */
int bus_check_reason(const char *reason, sd_bus_error *ret_error);

/* Sets the error of who is one too many; as a handler returns. */
int bus_refuse_busy(sd_bus_error *ret_error);
/* Answers a call that was kept. */
void bus_answer_error(sd_bus_message *m, const GError *error);

/* Handlers of the Manager (bus-sign.c, bus-issued.c). */
int bus_method_sign_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_list_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_revoke_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

/* Handlers of the Manager (bus-authority.c). */
int bus_method_list_authorities(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_get_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_rotate_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_recreate_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_list_bundles(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

/* Handler of the Manager (bus-diagnose.c). */
int bus_method_diagnose(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

/* Reads names (as) of what is managed, and of authorities, each once: anybody may send a message that names one a million
 * times. NULL-terminated; the caller owns it. Returns 1, or what the handler returns. */
int bus_read_names(Bus *b, sd_bus_message *m, char ***ret_names, sd_bus_error *ret_error);
/* Handlers of the Manager (bus-request.c). */
int bus_method_get_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int bus_method_import(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

/* One of the manifest's, of any kind; NULL with the error's return in *ret_r. */
Certificate *bus_find_certificate(Bus *b, const char *name, int *ret_r, sd_bus_error *ret_error);
/* Reads "options" (a{sv}) of Renew: only "force" b is known. */
int bus_read_renew_options(sd_bus_message *m, bool *ret_force, sd_bus_error *ret_error);
/* Starts a job and replies with its path. */
int bus_reply_job(Bus *b, sd_bus_message *m, JobKind kind, const char *const *names, bool force,
                  sd_bus_error *ret_error);

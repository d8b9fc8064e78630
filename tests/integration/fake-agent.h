/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* What the parts of the scripted agent have in common. */

#define HOSTILE                                                                                              \
        "\033]0;owned\a\033[2Jrm -rf \xe2\x80\xae\xc2\x9b"                                                   \
        "31m\nsecond line"

typedef struct FakeCert {
        const char *name, *state, *error, *message, *hint;
        int64_t expires_sec, renewal_sec; /* from now; 0: none */
        const char *reasons[3];
} FakeCert;

typedef struct Fake {
        sd_event *event;
        sd_bus *bus;                      /* the last that called */
        GPtrArray *certs;                 /* FakeCert*, borrowed or allocated */
        GPtrArray *authorities, *bundles; /* of fake-trust.c */
        bool refuse, deny, mute, old;
        int late; /* days that an authority has left whose rotation was due 1,000 days ago; 0: none is late */
        const char *rotating; /* the issuer that RotateAuthority was called for, or NULL */
        const char *request;  /* a file: the request that waits, or NULL */
        const char *answer;   /* a file: what SignRequest gives, or NULL */
        bool wrong_answer;    /* what Import brings is refused */
        int findings;         /* so many has Diagnose; 0: there is no such method; -1: it is refused */
        bool imported;        /* Import was called */
        bool revoked;         /* Revoke was called: what is in place then has another serial number */
        const char *job;
        char **names; /* of the running job */
        unsigned step;
        bool job_exists;
        sd_event_source *timer;
} Fake;

extern Fake fake;

/* fake-agent.c */
uint64_t from_now(int64_t seconds); /* 0: none */
const FakeCert *find(const char *name);
int no_such(sd_bus_message *m, const char *name);
int denied(sd_bus_message *m);
int start_job(sd_bus_message *m, char **names); /* takes the names */

/* fake-request.c */
extern const sd_bus_vtable request_vtable[];
void fill_requests(void);
bool is_waiting_by_hand(const FakeCert *c);
uint64_t requested_at(const FakeCert *c); /* 0: no request waits */

/* fake-trust.c */
extern const sd_bus_vtable trust_vtable[];
void fill_trust(bool trust, bool good);
int append_plan(sd_bus_message *reply, const char *name, const char *action, const char *const *reasons,
                uint64_t due);
int append_trust_plan(sd_bus_message *reply);

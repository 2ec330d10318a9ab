/* What is odd about this machine, its builders and its caches, and what to do
 * about it: one table with one check a row. */
#ifndef BILGE_DOCTOR_DOCTOR_H
#define BILGE_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/strlist.h"
#include "core/doctor/tmpfiles.h"
#include "core/store/store.h"

enum doctor_severity { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_BAD };
/* "ok", "note", "warning", "bad", as --json prints them. */
const char *doctor_severity_name(enum doctor_severity severity);

struct doctor_finding {
    const char *id; /* of the check; static */
    enum doctor_severity severity;
    char *text; /* one line */
    char *fix;  /* a command to paste, or what to change; NULL: none */
};
struct doctor_report {
    struct doctor_finding *items; /* in the table's order; a check without a finding is OK */
    size_t len, cap;
    enum doctor_severity worst;
};

/* What the store does not tell: gathered off the loop. */
struct doctor_facts {
    bool has_docker;  /* in PATH */
    bool no_buildx;   /* docker says that it has no such plugin */
    bool has_systemd; /* it runs, and so does its tmpfiles timer */
    uint32_t uid;
    struct tmpfiles tmpfiles;
    struct strlist aliases; /* pairs: a root as it was given, and where it really is */
};
/* Fills in all but the aliases and no_buildx. Blocking. */
void doctor_gather(struct doctor_facts *ret_facts);
void doctor_facts_done(struct doctor_facts *facts);

/* Pure. The caller gives the report back with doctor_report_done(). */
struct doctor_report doctor_examine(const struct store *store, const struct doctor_facts *facts,
                                    int64_t now);
void doctor_report_done(struct doctor_report *report);

#endif

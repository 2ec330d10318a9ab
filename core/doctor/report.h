/* Private to core/doctor: what a check sees, and how it says what it found. */
#ifndef BILGE_DOCTOR_REPORT_H
#define BILGE_DOCTOR_REPORT_H

#include "core/doctor/doctor.h"

struct examination {
    const struct store *store;
    const struct doctor_facts *facts;
    int64_t now;
    const char *id; /* of the check under way */
    struct doctor_report *report;
};

/* Both texts are taken; a NULL fix is none. */
void doctor_find(struct examination *exam, enum doctor_severity severity, char *text, char *fix);

/* The checks of places: roots, disks, caches. */
void check_disks(struct examination *exam);
void check_memory(struct examination *exam);
void check_small_disk(struct examination *exam);
void check_tmpfiles(struct examination *exam);
void check_aliases(struct examination *exam);
void check_readable(struct examination *exam);
void check_owner(struct examination *exam);
void check_shared(struct examination *exam);
void check_whole(struct examination *exam);
void check_shrunken(struct examination *exam);

#endif

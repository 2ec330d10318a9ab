/* Will systemd-tmpfiles clean a place by age? Debian 13 does so in /tmp after
 * ten days, file by file: a cache then loses single blobs, and builds fail.
 * Source: tmpfiles.d(5); src/tmpfiles/tmpfiles.c of systemd 257. */
#ifndef BILGE_DOCTOR_TMPFILES_H
#define BILGE_DOCTOR_TMPFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line that says something of cleaning. */
struct tmpfiles_rule {
    char type;       /* of the line: 'd', 'D', 'e', 'q', 'v', 'x', 'X', … */
    char *path;      /* for x, X and e a glob */
    int64_t age_s;   /* -1: nothing is removed by age */
    bool keep_first; /* "~": what lies directly in it stays */
    char *file;      /* that it was read from */
};
struct tmpfiles {
    struct tmpfiles_rule *rules;
    size_t len, cap;
};

/* Pure: adds the rules of one file's text. Lines that it does not understand
 * are left out, as systemd does. */
void tmpfiles_parse(struct tmpfiles *tmpfiles, const char *file, const char *text, size_t len);
/* The files of all its directories below `prefix` ("" but in tests); one in
 * /etc goes before one of the same name in /usr. Blocking. */
void tmpfiles_read(struct tmpfiles *tmpfiles, const char *prefix);
void tmpfiles_done(struct tmpfiles *tmpfiles);

/* Pure. The rule by which files in this directory are removed; NULL: none. */
const struct tmpfiles_rule *tmpfiles_find(const struct tmpfiles *tmpfiles, const char *path);

#endif

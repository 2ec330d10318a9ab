/* When a disk counts as full: from so many percent used on, or with less than
 * so many bytes free. */
#ifndef BILGE_BASE_THRESHOLD_H
#define BILGE_BASE_THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

struct threshold {
    int used_percent;   /* 1 to 100; 0: it goes by free_bytes */
    int64_t free_bytes; /* from 1 */
};

/* "85%", or a size as text_parse_size() reads it: "10GB". False for anything
 * else; then *ret_level is untouched. */
bool threshold_parse(const char *text, struct threshold *ret_level);
/* Why it was refused, for people. The caller frees it. */
char *level_refusal(const char *text);

/* False for a disk of unknown size (0 bytes). What it is called when it is
 * shown, rounded, is what counts: 84.6 % are 85 %. */
bool threshold_is_reached(const struct threshold *level, int64_t total_bytes, int64_t free_bytes);

/* The rounded percentage that is used; 0 for a disk of unknown size. */
int threshold_used_percent(int64_t total_bytes, int64_t free_bytes);

#endif

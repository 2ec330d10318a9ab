/* Time. Wall-clock times are int64_t nanoseconds since 1970 (names end in
 * _at); 0 means "none". Durations carry their unit in the name. */
#ifndef BILGE_BASE_CLOCK_H
#define BILGE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000000)

int64_t clock_now(void);     /* wall clock, nanoseconds since 1970 */
int64_t clock_mono_ms(void); /* monotonic, milliseconds since some start */

/* A file's time. Hostile ones that do not fit become the nearest that does;
 * those before 1970 become 1. */
int64_t clock_of_file(int64_t seconds, int64_t nanoseconds);

/* Room for "2026-11-22T07:44:04.470342626Z" and its NUL. */
#define CLOCK_TEXT_SIZE 32

/* RFC 3339 in UTC, fraction without trailing zeros, as Go's RFC3339Nano
 * prints it. Returns out. */
const char *clock_rfc3339(char out[CLOCK_TEXT_SIZE], int64_t at);

/* Reads RFC 3339 with any offset and up to nine decimals (more are cut), and
 * also Go's time.String() form "2026-11-22 07:44:04.47 +0000 UTC", which the
 * docker tools print. False, and *ret_at untouched, for anything else and for
 * years before 1970 or after 2200 (Go's zero time is year 1). */
bool clock_parse(const char *text, int64_t *ret_at);

#endif

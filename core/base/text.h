/* Text that people read and write: sizes, ages, durations, and text of
 * unknown origin made safe to show. */
#ifndef BILGE_BASE_TEXT_H
#define BILGE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/mem.h"

#define TEXT_SIZE_SIZE 24
#define TEXT_AGE_SIZE 32

/* SI, three significant digits: "0 B", "820 B", "1.34 MB", "13.4 MB",
 * "134 MB". Negative sizes get a '-'. Returns out. */
const char *text_size(char out[TEXT_SIZE_SIZE], int64_t bytes);

/* The largest unit alone: "12 s", "2 m", "5 h", "34 d". Returns out. */
const char *text_age(char out[TEXT_AGE_SIZE], int64_t seconds);

/* Time taken: "0.3 s", "41 s", "3 m 12 s", "1 h 05 m". Returns out. */
const char *text_duration(char out[TEXT_AGE_SIZE], int64_t milliseconds);

/* "500MB", "10GB", "2GiB", "1.5 GB", "10G", "0B"; SI (k M G T P) and IEC
 * (Ki Mi ...), any case. A unit is required: who writes "10" rarely means 10
 * bytes. False for anything else, for negative numbers and for what does not
 * fit; then *ret_bytes is untouched. */
bool text_parse_size(const char *text, int64_t *ret_bytes);

/* "90s", "15m", "24h", "7d", "2w", and sums such as "1h30m". A unit is
 * required; negative and overflowing ones are refused. */
bool text_parse_age(const char *text, int64_t *ret_seconds);

/* Why these two refused the text, for people: "10 what? such as 10GB", "\"5x\"
 * is not an age such as …". The caller frees it. */
char *text_size_refusal(const char *text);
char *text_age_refusal(const char *text);

/* Length of the valid UTF-8 sequence at the start of `len` > 0 bytes, 0 when
 * there is none; its code point goes to *ret_rune. Overlong forms and
 * surrogates are not valid. */
size_t text_decode(const char *bytes, size_t len, uint32_t *ret_rune);

/* Characters that change how the text around them is drawn: controls (tab and
 * newline too), C1 controls, bidi overrides, invisible ones. */
bool text_is_disruptive(uint32_t rune);

/* Appends text of unknown origin so that it can be shown in a terminal:
 * valid printable UTF-8 stays; tabs become a space; other control bytes,
 * C1 controls, bidi overrides and invalid bytes become "\xNN" or "\u{NNNN}". */
void text_clean(struct buf *buf, const char *text, size_t len);

/* The same for a name: quotes show the blanks at its ends, which else were not
 * seen (also when it is empty). */
void text_clean_name(struct buf *buf, const char *name);

/* The same for one line of at most `columns` (3 or more), "..." at its end when
 * it had to be cut. The caller frees it. */
char *text_shorten(const char *text, size_t columns);

/* Columns that the NUL-terminated, clean text takes on a terminal. */
size_t text_width(const char *text);

/* Bytes of the longest prefix of clean text that fits into `columns`;
 * *ret_columns (may be NULL) says how many it really takes. */
size_t text_fit(const char *text, size_t columns, size_t *ret_columns);

#endif

/* How the screens say ages, running times and states. */
#ifndef BILGE_TUI_KIT_FORMAT_H
#define BILGE_TUI_KIT_FORMAT_H

#include <stdint.h>

#include "core/base/mem.h"
#include "core/builds/build.h"
#include "tui/kit/theme.h"

#define FORMAT_SIZE 48

/* Age of a time on the wall clock: "now" below a minute (so that it need not
 * be redrawn each second), then "2 m"; "-" for 0. Returns out. */
const char *format_age(char out[FORMAT_SIZE], int64_t at, int64_t now);
/* The same in a sentence: "just now", "2 m ago". */
const char *format_ago(char out[FORMAT_SIZE], int64_t at, int64_t now);
/* What the noun after a count ends with: "s", but for one of it. */
const char *format_plural(size_t count);
/* "00:42", "1:02:03". Returns out. */
const char *format_clock(char out[FORMAT_SIZE], int64_t milliseconds);
/* How long a build, or a step, has taken until now. */
int64_t format_build_ms(const struct build *build, int64_t mono_ms);
int64_t format_step_ms(const struct step *step, int64_t mono_ms);

/* Appends the names of what is built, clean. */
void format_services(struct buf *buf, const struct build *build);

/* What a step does, where room is dear: a RUN without its options (--mount ...),
 * which come first and say least of it, and blanks once. Clean. */
void format_instruction(struct buf *buf, const struct step *step);

/* Where a step stands in its Dockerfile: "builder 4/6", "internal"; and the same
 * with its instruction. Clean. */
void format_step_place(struct buf *buf, const struct step *step);
void format_step_name(struct buf *buf, const struct step *step);

struct format_state {
    const char *glyph;
    enum style style;
};
struct format_state format_step_state(const struct theme *theme, enum step_state state);
struct format_state format_build_state(const struct theme *theme, enum build_state state);

#endif

#include "tui/kit/format.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"

const char *format_age(char out[FORMAT_SIZE], int64_t at, int64_t now)
{
    int64_t seconds = (now - at) / CLOCK_SECOND;
    if (at == 0)
        snprintf(out, FORMAT_SIZE, "-");
    else if (seconds < 60)
        snprintf(out, FORMAT_SIZE, "now");
    else
        text_age(out, seconds);
    return out;
}

const char *format_ago(char out[FORMAT_SIZE], int64_t at, int64_t now)
{
    char age[FORMAT_SIZE];
    if ((now - at) / CLOCK_SECOND < 60)
        snprintf(out, FORMAT_SIZE, "just now");
    else
        snprintf(out, FORMAT_SIZE, "%.40s ago", format_age(age, at, now));
    return out;
}

const char *format_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

const char *format_clock(char out[FORMAT_SIZE], int64_t milliseconds)
{
    long seconds = milliseconds > 0 ? (long)(milliseconds / 1000) : 0;
    if (seconds < 3600)
        snprintf(out, FORMAT_SIZE, "%02ld:%02ld", seconds / 60, seconds % 60);
    else
        snprintf(out, FORMAT_SIZE, "%ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
    return out;
}

int64_t format_build_ms(const struct build *build, int64_t mono_ms)
{
    if (build->state == BUILD_RUNNING || build->state == BUILD_STOPPING)
        return mono_ms - build->started_mono_ms;
    return build->duration_ms;
}

int64_t format_step_ms(const struct step *step, int64_t mono_ms)
{
    if (step->state == STEP_RUNNING && step->started_mono_ms > 0)
        return mono_ms - step->started_mono_ms;
    return step->duration_ms;
}

void format_services(struct buf *buf, const struct build *build)
{
    if (build->services_len == 0)
        buf_append_str(buf, "all services");
    for (size_t i = 0; i < build->services_len; i++) {
        buf_append_str(buf, i > 0 ? ", " : "");
        text_clean(buf, build->services[i], strlen(build->services[i]));
    }
}

void format_step_place(struct buf *buf, const struct step *step)
{
    if (step->index == 0) {
        buf_append_str(buf, step->internal ? "internal" : "");
        return;
    }
    if (step->stage != NULL) {
        text_clean(buf, step->stage, strlen(step->stage));
        buf_append_str(buf, " ");
    }
    buf_printf(buf, "%d/%d", step->index, step->total);
}

void format_instruction(struct buf *buf, const struct step *step)
{
    const char *what = step->instruction[0] != '\0' ? step->instruction : step->name;
    struct buf text = {0};
    if (strncmp(what, "RUN ", 4) == 0) {
        buf_append_str(&text, "RUN ");
        for (what += 4; strncmp(what, "--", 2) == 0; what += strspn(what, " "))
            what += strcspn(what, " ");
    }
    for (; *what != '\0'; what++)
        if (*what != ' ' || text.len == 0 || text.data[text.len - 1] != ' ')
            buf_append(&text, what, 1);
    text_clean(buf, text.len > 0 ? text.data : "", text.len);
    buf_done(&text);
}

void format_step_name(struct buf *buf, const struct step *step)
{
    if (step->index > 0) {
        format_step_place(buf, step);
        buf_append_str(buf, " ");
    }
    format_instruction(buf, step);
}

struct format_state format_step_state(const struct theme *theme, enum step_state state)
{
    const struct glyphs *glyphs = theme->glyphs;
    switch (state) {
    case STEP_RUNNING:
        return (struct format_state){glyphs->running, STYLE_ACCENT};
    case STEP_DONE:
        return (struct format_state){glyphs->done, STYLE_GOOD};
    case STEP_CACHED:
        return (struct format_state){glyphs->cached, STYLE_GOOD};
    case STEP_FAILED:
        return (struct format_state){glyphs->failed, STYLE_BAD};
    case STEP_CANCELLED:
        return (struct format_state){glyphs->cancelled, STYLE_WARN};
    case STEP_WAITING:
        break;
    }
    return (struct format_state){glyphs->waiting, STYLE_DIM};
}

struct format_state format_build_state(const struct theme *theme, enum build_state state)
{
    const struct glyphs *glyphs = theme->glyphs;
    switch (state) {
    case BUILD_DONE:
        return (struct format_state){glyphs->done, STYLE_GOOD};
    case BUILD_FAILED:
        return (struct format_state){glyphs->failed, STYLE_BAD};
    case BUILD_CANCELLED:
        return (struct format_state){glyphs->cancelled, STYLE_WARN};
    case BUILD_QUEUED:
        return (struct format_state){glyphs->waiting, STYLE_DIM};
    case BUILD_RUNNING:
    case BUILD_STOPPING:
        break;
    }
    return (struct format_state){glyphs->running, STYLE_ACCENT};
}

#include <stdarg.h>
#include <stdio.h>

#include "core/build/progress/rawjson.h"

void rawjson_one_line(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n')
            text[i] = ' ';
}

void rawjson_say(struct rawjson *progress, int step, const char *format, ...)
{
    char text[STEP_TEXT_MAX + 256];
    va_list args;
    va_start(args, format);
    int prefix = snprintf(text, sizeof text, "#%d ", step);
    int len = vsnprintf(text + prefix, sizeof text - (size_t)prefix, format, args);
    va_end(args);
    size_t whole = (size_t)prefix + (len > 0 ? (size_t)len : 0);
    if (whole >= sizeof text)
        whole = sizeof text - 1;
    rawjson_one_line(text, whole);
    buildlog_add(progress->build->log, step, 1, text, whole);
}

/* "1.05MB", as the engine's own progress rounds. */
static const char *short_size(char out[24], int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1000 && unit < 4; unit++)
        amount /= 1000;
    snprintf(out, 24, unit == 0 ? "%.0f%s" : "%.2f%s", amount, units[unit]);
    return out;
}

void rawjson_say_status(struct rawjson *progress, int step, const char *id, int64_t current,
                        int64_t total, double seconds)
{
    char bytes[64] = "", took[32] = "", a[24], b[24];
    if (total > 0)
        snprintf(bytes, sizeof bytes, " %s / %s", short_size(a, current), short_size(b, total));
    else if (current > 0)
        snprintf(bytes, sizeof bytes, " %s", short_size(a, current));
    if (seconds > 0.01)
        snprintf(took, sizeof took, " %.1fs", seconds);
    rawjson_say(progress, step, "%.1000s%s%s done", id, bytes, took);
}
